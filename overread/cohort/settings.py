"""What a user may say about how a source becomes a cohort."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from overread.cohort.schema import SPLITS, Split, Task

Role = Literal[
    "image", "label", "patient", "group", "split", "age", "sex", "site", "view", "device", "source", "date"
]
"""What a table's column can say of an image; `group` is a lesion, study or series that images share; `source`
is the hospital or collection it came from."""

SplitBy = Literal["patient", "group", "site", "source", "device", "date", "image"]
LeakKind = Literal["patient", "group", "file", "pixels", "near-duplicate"]
"""What may stand on two sides of a split: a patient; a lesion, study or series; equal bytes; equal pixels;
pictures that differ in no more than rotation, mirroring, cropping or compression."""


class SplitShares(BaseModel):
    """The shares of the images that each split should have; they sum to 1."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    train: float = Field(default=0.6, gt=0, le=1)
    tune: float = Field(default=0.2, ge=0, lt=1)
    test: float = Field(default=0.2, ge=0, lt=1)

    @model_validator(mode="after")
    def _sum_to_one(self) -> Self:
        total = self.train + self.tune + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(f"train + tune + test must be 1, got {total:g}")
        return self

    def of(self, split: Split) -> float:
        """The share of one split, 0..1."""
        return {"train": self.train, "tune": self.tune, "test": self.test}[split]

    def as_dict(self) -> dict[Split, float]:
        """The shares in the splits' order."""
        return {split: self.of(split) for split in SPLITS}


class IngestSettings(BaseModel):
    """How a source becomes a cohort; every value has a default that works.

    Attributes:
        name: Of the cohort; empty: the source folder's name.
        task: `auto` tells it from the labels: two classes are `binary`, more `multiclass`, and labels like
            "Edema|Effusion" `multilabel`.
        positive: The class of a binary cohort that is looked for; all other labels are its absence.
        classes: The classes in the order wanted; images with another label become rejects ("no-label"), or
            in a multilabel cohort have none of the classes.
        layout: `folder` (one sub-folder a class, also below train/, tune/ or val/, test/), `table` (images
            beside a CSV, TSV, Excel or Parquet table), another registered layout (see
            `overread.cohort.layouts`), or `auto`: the first that fits.
        table: The table; None: the one in the source folder that has an image and a label column.
        columns: Role → column name, where the usual names do not hold; "" says that there is none.
        map: The source's code → class, before anything asks for classes; several codes may become one class.
        drop_missing: Roles or column names; rows without a value there become rejects ("incomplete-row").
        exclude: Role or column → values; rows with one of them become rejects ("excluded").
        only: Role or column → values; rows with another value become rejects ("excluded").
        split: The shares; unused for what the source has split itself.
        split_by: What never stands on two sides: `patient` (patients and groups), `group` alone, or patients
            and groups together with whole sites, sources or devices; `date`: patients, the oldest images in
            train and the newest in test; `image`: nothing, for comparison.
        near_duplicates: Look for pictures that differ in no more than rotation, mirroring, cropping or
            compression; they never stand on two sides.
        accept_leakage: Kinds of leakage that do not stop the ingest; they are reported all the same.
        seed: Of the split.
        licence: Under which the images may be used.
        embed: Keep the images' bytes in the cohort, or only point at the files.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = ""
    task: Literal["auto"] | Task = "auto"
    positive: str | None = None
    classes: tuple[str, ...] | None = None
    layout: str = "auto"
    table: Path | None = None
    columns: dict[Role, str] = Field(default_factory=dict)
    map: dict[str, str] = Field(default_factory=dict)
    drop_missing: tuple[str, ...] = ()
    exclude: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    only: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    split: SplitShares = SplitShares()
    split_by: SplitBy = "patient"
    near_duplicates: bool = True
    accept_leakage: tuple[LeakKind, ...] = ()
    seed: int = 0
    licence: str = ""
    embed: bool = True
