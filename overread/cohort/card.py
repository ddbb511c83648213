"""What `cohort.json` says of a cohort."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from overread.cohort.flow import FlowStep
from overread.cohort.leakage import Leak
from overread.cohort.schema import SCHEMA_VERSION, Split, Task
from overread.cohort.settings import LeakKind, Role, SplitBy
from overread.imaging.augment import Policy, Transform


class Augmented(BaseModel):
    """How a cohort was augmented: see `overread.cohort.augment`.

    Attributes:
        cohort_hash: Content hash of the cohort that it was made from.
        originals: Rows that are images of that cohort.
        copies: Rows that are copies of some of them, all in train.
        share: What each class of train was to have at least, 0..1, or "equal".
        policy: How far copies may differ from their origins.
        strength: Factor on that.
        transforms: What was done to them; null: all that the policy knows.
        seed: Of the copies.
        before: Class → its share of the labelled images of train; of a binary cohort also the share without.
        after: The same with the copies.
        train: Class → images of train, without the copies.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    cohort_hash: str
    originals: int
    copies: int
    share: Literal["equal"] | float
    policy: Policy
    strength: float
    transforms: tuple[Transform, ...] | None
    seed: int
    before: dict[str, float]
    after: dict[str, float]
    train: dict[str, int]


class CohortCard(BaseModel):
    """A cohort in figures; frozen, and written last, so that a cohort without a card is not finished.

    Attributes:
        schema_version: Of the cohort's format.
        name: Of the cohort.
        task: `binary` (one class), `multiclass` (exactly one present) or `multilabel`.
        classes: One a target entry, in order; a binary cohort has the positive one only.
        negative: What a binary cohort calls the absence of its class, else "".
        source: Where the images came from, as it was given.
        licence: Under which the images may be used, in the user's words.
        patient_known: Whether the source states the patient of every image; an image of unknown patient
            stands for a patient of its own.
        found: Inputs seen; always `read + rejected`.
        read: Inputs that became images.
        rejected: Inputs in `rejects.parquet`.
        ignored: Files that do not look like images; not inputs.
        repeated: Table rows that say again what an earlier row said; not inputs.
        images: Rows of the table: `read`, and the copies of an augmented cohort.
        patients: Distinct patients.
        groups: Distinct lesions, studies or series that the source names.
        identical: Images whose bytes another image of the cohort has too; they share a split.
        counts: Rows a split and class (and `negative`); a multilabel image may count for several classes.
        split_counts: Rows a split.
        split_given: Whether the source brought its own split.
        split_by: What was kept on one side; see `IngestSettings`.
        leakage: What stands on two sides of the split all the same.
        accepted_leakage: The kinds of it that the user accepts.
        near_duplicates: Pairs of images that show the same picture; None where nobody looked.
        flow: The steps from `found` to `read`.
        reject_reasons: Rejects a reason.
        columns: Role → column of the source's table, as found.
        map: The source's code → class.
        seed: Of the split.
        embedded: Whether the images' bytes are in the cohort.
        content_hash: SHA-256 over all rows; see `overread.cohort.schema.content_hash`.
        augmented: How copies were added to train; None: there are none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = SCHEMA_VERSION
    name: str
    task: Task
    classes: tuple[str, ...]
    negative: str
    source: str
    licence: str
    patient_known: bool
    found: int
    read: int
    rejected: int
    ignored: int
    repeated: int
    images: int
    patients: int
    groups: int
    identical: int
    counts: dict[Split, dict[str, int]]
    split_counts: dict[Split, int]
    split_given: bool
    split_by: SplitBy
    leakage: tuple[Leak, ...]
    accepted_leakage: tuple[LeakKind, ...]
    near_duplicates: int | None
    flow: tuple[FlowStep, ...]
    reject_reasons: dict[str, int]
    columns: dict[Role, str]
    map: dict[str, str]
    seed: int
    embedded: bool
    content_hash: str
    augmented: Augmented | None = None

    @property
    def without_copies(self) -> CohortCard:
        """The card with the figures of the images alone."""
        if self.augmented is None:
            return self
        train = self.split_counts["train"] - self.augmented.copies
        return self.model_copy(
            update={
                "images": self.augmented.originals,
                "counts": {**self.counts, "train": self.augmented.train},
                "split_counts": {**self.split_counts, "train": train},
            }
        )

    def to_json(self) -> str:
        """The text of `cohort.json`."""
        return self.model_dump_json(indent=2) + "\n"
