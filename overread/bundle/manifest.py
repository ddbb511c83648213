"""What bundle.json says: a bundle's name, classes, thresholds, limits and where it comes from."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    model_validator,
)

from overread.imaging.preprocess import Preprocess
from overread.imaging.quality import QualityLimits

SCHEMA_VERSION = 3
Task = Literal["binary", "multiclass", "multilabel"]

# It stands before the @ of every reading.
_Name = Annotated[str, Field(pattern=r"^[^\s@/\\][^@/\\\x00-\x1f]*$", max_length=120)]
_Slug = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$", max_length=120)]
_Finite = Annotated[float, Field(allow_inf_nan=False)]
_Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
# JSON has no NaN: an undefined rate is written as null, never as 0.
_Rate = Annotated[
    float,
    BeforeValidator(lambda value: math.nan if value is None else value),
    AfterValidator(lambda value: _in_unit_interval(value)),
    PlainSerializer(lambda value: None if math.isnan(value) else value, when_used="json"),
]


_Difference = Annotated[
    float,
    BeforeValidator(lambda value: math.nan if value is None else value),
    PlainSerializer(lambda value: None if math.isnan(value) else value, when_used="json"),
]


def _in_unit_interval(value: float) -> float:
    if not (math.isnan(value) or 0.0 <= value <= 1.0):
        raise ValueError(f"expected a rate from 0 to 1 or null, got {value}")
    return value


_COLUMNS_OF_INPUTS = frozenset({"image_id", "uri", "content", "file", "size", "modified"})


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Calibration(_Part):
    """How the network's logits become the scores of `network.onnx`; kept for the record.

    Args:
        kind: "platt" (one slope and intercept a class), "temperature" (one slope) or "none".
        slope: Factors on the logits. Binary and multilabel: score = sigmoid(slope * logit + intercept)
            for each class; multiclass: score = softmax(slope[0] * logits).
        intercept: Offsets, one a slope; 0 for multiclass.
        knots: Of "isotonic", for binary and multilabel: for each class (logits rising, scores never falling);
            between two knots the score is interpolated, outside them it stays that of the nearest.
    """

    kind: Literal["platt", "temperature", "isotonic", "none"] = "none"
    slope: tuple[_Finite, ...] = (1.0,)
    intercept: tuple[_Finite, ...] = (0.0,)
    knots: tuple[tuple[tuple[_Finite, ...], tuple[_Finite, ...]], ...] = ()

    @model_validator(mode="after")
    def _lengths(self) -> Self:
        if len(self.slope) != len(self.intercept) or not self.slope:
            raise ValueError(
                f"expected as many slopes as intercepts, got {len(self.slope)} and {len(self.intercept)}"
            )
        return self


class OperatingPoint(_Part):
    """A threshold on the score, with what it reached on `tune`.

    Args:
        name: For people and tables: "high-sensitivity".
        class_name: The class whose score it cuts; "" for a multiclass bundle, where it cuts the sum of
            the urgent classes' scores.
        threshold: A score at or above it counts as present.
        rule: How it was chosen: "sensitivity >= 0.95 on tune".
        sensitivity: On `tune`, 0..1; NaN where there were no positives.
        specificity: On `tune`, 0..1; NaN where there were no negatives.
        positives: Images of `tune` with the finding.
        negatives: Images of `tune` without it.
    """

    name: Annotated[str, Field(min_length=1)]
    class_name: str = ""
    threshold: _Finite
    rule: str
    sensitivity: _Rate = math.nan
    specificity: _Rate = math.nan
    positives: int = Field(0, ge=0)
    negatives: int = Field(0, ge=0)


class ConformalRule(_Part):
    """Scores that leave it open which class is true make an image cannot-assess.

    Args:
        coverage: With at least this chance the true class is in an image's set.
        lowest: For each class the score at which it is still in the set, null where it always is. For
            a binary bundle two: of its absence (1 - score) and of its presence; for multilabel two a class.
        patients: On how many patients each rests.
    """

    coverage: Annotated[float, Field(gt=0, lt=1)]
    lowest: tuple[_Finite | None, ...]
    patients: tuple[int, ...]


class MetadataField(_Part):
    """What a bundle asks for beside the pixels: one column of the input `metadata` of network.onnx.

    `metadata` is float32 [n, fields], in the manifest's order: a number as it is, a category as its place
    among `categories`; NaN where it is not known or no category of train. The network does the rest.

    Args:
        name: The cohort's column: "age", "sex", "site", …
        kind: "number" or "category".
        categories: As they are written, in the order of their places.
        unit: "years"; "" where it has none.
        missing: Share of the training images that did not state it, 0..1.
    """

    name: Annotated[str, Field(min_length=1)]
    kind: Literal["number", "category"]
    categories: tuple[str, ...] = ()
    unit: str = ""
    missing: _Rate = 0.0

    @model_validator(mode="after")
    def _categories_fit(self) -> Self:
        if self.name in _COLUMNS_OF_INPUTS:
            raise ValueError(f"expected a name that no column of inputs has, got '{self.name}'")
        if self.kind == "number" and self.categories:
            raise ValueError(f"'{self.name}': expected no categories of a number")
        if self.kind == "category" and (not all(self.categories) or not self.categories):
            raise ValueError(f"'{self.name}': expected categories that are not empty")
        if len(set(self.categories)) != len(self.categories):
            raise ValueError(f"'{self.name}': expected different categories")
        return self


class SmallNetwork(_Part):
    """What network.small.onnx is: the same network with its weights stored small, calibrated for itself.

    Args:
        storage: "int8" or "int10" (a scale a channel) or "fp16"; arithmetic is float32.
        bytes: Of the file.
        calibration: What it does to its logits.
        operating_points: Its own; used instead of the manifest's.
        novelty_threshold: Its own.
        images: Of tune, on which it was compared with network.onnx.
        auc_change: Its mean AUC there less that of network.onnx; NaN where undefined.
        decisions_changed: Share of those images with another decision, 0..1.
        largest_score_change: There, 0..1.
    """

    storage: Literal["int8", "int10", "fp16"]
    bytes: int = Field(ge=1)
    calibration: Calibration
    operating_points: tuple[OperatingPoint, ...]
    novelty_threshold: _Finite
    images: int = Field(ge=0)
    auc_change: _Difference = math.nan
    decisions_changed: _Rate = math.nan
    largest_score_change: _Rate = math.nan


class TriageRule(_Part):
    """What makes a reading urgent, and what makes it no reading at all.

    Args:
        urgent: Classes whose presence needs a physician soon.
        novelty_threshold: An image farther than this from the training images cannot be assessed.
        conformal: What else cannot be assessed; None: nothing.
    """

    urgent: tuple[str, ...]
    novelty_threshold: _Finite
    conformal: ConformalRule | None = None


class Provenance(_Part):
    """Where a bundle comes from: enough to make it again.

    Args:
        cohort_hash: Content hash of the cohort.
        split_counts: Images by split and class, as the cohort's card counts them.
        cohort: The cohort's name.
        source: Where the cohort's images come from.
        licence: The licence of the images.
        patient_known: Whether the source told patients apart; if not, intervals are too narrow.
        versions: Library versions, by name.
        seed: The study's seed.
        git_commit: Of the code that trained it; "" where unknown.
        weights: Where the backbone's first weights came from.
        backbone: The timm name.
        phases: Training phases that led to the reader that was kept.
        overread_version: That packed it.
        created: ISO 8601 date, or "" where the bytes must not depend on the day.
    """

    cohort_hash: str = ""
    split_counts: dict[str, dict[str, int]] = {}
    cohort: str = ""
    source: str = ""
    licence: str = ""
    patient_known: bool = True
    versions: dict[str, str] = {}
    seed: int = 0
    git_commit: str = ""
    weights: str = ""
    backbone: str = ""
    phases: tuple[str, ...] = ()
    overread_version: str = ""
    created: Annotated[str, AfterValidator(lambda value: _iso_date(value))] = ""


def _iso_date(value: str) -> str:
    if value:
        datetime.fromisoformat(value)
    return value


class ManifestDraft(_Part):
    """A manifest before packing: everything but the files' hashes.

    Args:
        schema_version: Of bundle.json.
        name: Without @ and slashes: "skin".
        version: Given by whoever packs it: "1.0.0".
        task: "binary" (one class), "multiclass" (exactly one is present) or "multilabel".
        classes: The findings, in the order of the network's scores.
        modality: What kind of image: "dermoscopy", "chest radiograph".
        channels: Of the network's input.
        preprocess: What `preprocess.onnx` does.
        calibration: What `network.onnx` does to its logits.
        operating_points: The first one of a class decides; the others are for the record.
        triage: What is urgent and what cannot be assessed.
        metadata: What the reader takes beside the pixels; none: pixels alone.
        small: What network.small.onnx is; None: there is none.
        quality: What a photograph must have not to be warned of; None: nothing is warned of.
        intended_use: One paragraph.
        limits: One sentence each.
        provenance: Where it comes from.
    """

    schema_version: Literal[1, 2, 3] = 3
    name: _Name
    version: _Slug
    task: Task
    classes: tuple[Annotated[str, Field(min_length=1)], ...]
    modality: str = ""
    channels: int = Field(3, ge=1, le=4)
    preprocess: Preprocess
    calibration: Calibration = Calibration()
    operating_points: tuple[OperatingPoint, ...]
    triage: TriageRule
    metadata: tuple[MetadataField, ...] = ()
    small: SmallNetwork | None = None
    quality: QualityLimits | None = None
    intended_use: str = ""
    limits: tuple[str, ...] = ()
    provenance: Provenance = Provenance()

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        _check_classes(self.task, self.classes)
        slopes = len(self.calibration.slope)
        wanted = 1 if self.task == "multiclass" else len(self.classes)
        if self.calibration.kind != "none" and slopes != wanted:
            raise ValueError(f"calibration: expected {wanted} slopes, got {slopes}")
        known = {""} if self.task == "multiclass" else set(self.classes)
        for point in self.operating_points:
            if point.class_name not in known:
                raise ValueError(
                    f"operating_points: '{point.name}' is for class '{point.class_name}', "
                    f"expected one of {sorted(known)}"
                )
        strangers = [name for name in self.triage.urgent if name not in self.classes]
        if strangers:
            raise ValueError(f"triage.urgent: '{strangers[0]}' is not among the classes {list(self.classes)}")
        self.deciding_points()
        asked = [field.name for field in self.metadata]
        if len(set(asked)) != len(asked):
            raise ValueError(f"metadata: expected different fields, got {asked}")
        return self

    @property
    def label(self) -> str:
        """The bundle's name@version, as every reading carries it."""
        return f"{self.name}@{self.version}"

    def deciding_points(self) -> tuple[OperatingPoint, ...]:
        """The operating points that decide: one an urgent class, or one for their sum (multiclass).

        Raises:
            ValueError: An urgent class has no operating point.
        """
        if not self.triage.urgent:
            return ()
        wanted = ("",) if self.task == "multiclass" else self.triage.urgent
        first: dict[str, OperatingPoint] = {}
        for point in self.operating_points:
            first.setdefault(point.class_name, point)
        missing = [name for name in wanted if name not in first]
        if missing:
            raise ValueError(f"operating_points: none for the urgent class '{missing[0]}'")
        return tuple(first[name] for name in wanted)

    @property
    def operating_label(self) -> str:
        """The deciding operating points in words: "high-sensitivity: malignant >= 0.131"."""
        urgent = " + ".join(self.triage.urgent)
        return "; ".join(
            f"{point.name}: {point.class_name or urgent} >= {point.threshold:.9g}"
            for point in self.deciding_points()
        )


class Manifest(ManifestDraft):
    """The whole of bundle.json but its seal.

    Args:
        files: SHA-256 of every other file of the bundle, by its path with forward slashes.
    """

    files: dict[str, _Hash]

    @model_validator(mode="after")
    def _safe_names(self) -> Self:
        for name in self.files:
            check_file_name(name)
        return self

    @classmethod
    def from_draft(cls, draft: ManifestDraft, *, files: dict[str, str]) -> Manifest:
        """The draft with its files' hashes."""
        fields: dict[str, Any] = {name: getattr(draft, name) for name in ManifestDraft.model_fields}
        return cls(**fields, files=dict(sorted(files.items())))


def check_file_name(name: str) -> None:
    """Refuse a path that could leave the bundle's folder, or that not every system can hold.

    Raises:
        ValueError: With the name.
    """
    parts = name.split("/")
    fine = all(part and part not in {".", ".."} and not part.endswith((" ", ".")) for part in parts)
    if not fine or any(c in '\\:*?"<>|' or ord(c) < 32 for c in name) or name == "bundle.json":
        raise ValueError(f"files: '{name}' is not a path inside a bundle")


def _check_classes(task: Task, classes: tuple[str, ...]) -> None:
    if len(set(classes)) != len(classes):
        raise ValueError(f"classes: expected different names, got {list(classes)}")
    if task == "binary" and len(classes) != 1:
        raise ValueError(f"classes: expected one for a binary task, got {list(classes)}")
    if task == "multiclass" and len(classes) < 2:
        raise ValueError(f"classes: expected two or more for a multiclass task, got {list(classes)}")
    if not classes:
        raise ValueError("classes: expected at least one, got none")
