"""MODEL_CARD.md: what a bundle is for, what it is not for, and what is known of it.

The sections follow Mitchell et al., Model Cards for Model Reporting, FAT* 2019.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from overread.bundle.manifest import Manifest, ManifestDraft, MetadataField, OperatingPoint, SmallNetwork
from overread.bundle.metadata import in_words
from overread.imaging.quality import QualityLimits

NOT_A_DEVICE = (
    "This is a research reader and not a medical device: no authority has cleared or approved it, and no "
    "decision about a patient may rest on it alone."
)
_TASKS = {
    "binary": "says how probable one finding is",
    "multiclass": "says how probable each of several findings is, of which exactly one is present",
    "multilabel": "says for each of several findings how probable it is",
}


def model_card(
    manifest: ManifestDraft,
    *,
    metrics: Mapping[str, Mapping[str, float | None]] | None = None,
    measured_on: str = "the test split",
    prevalence: float | None = None,
    notes: Sequence[str] = (),
) -> str:
    """The card as Markdown.

    Args:
        manifest: What the bundle says of itself.
        metrics: Figures by name, each with `value`, `low` and `high` of its 95 % interval; a figure that is
            undefined is None or NaN.
        measured_on: What the figures were measured on.
        prevalence: Share of people with the finding where the bundle will be used, 0..1; None where
            unknown, and then the card counts no people.
        notes: Plain sentences that must not be missed.
    """
    sections = [
        f"# {_plain(manifest.label)}",
        NOT_A_DEVICE,
        _details(manifest),
        _section("Intended use", manifest.intended_use or "Not stated by whoever packed this bundle."),
        _section(
            "Limits", _bullets(manifest.limits) or "None are stated, which does not mean that there are none."
        ),
        _section("Training data", _data(manifest)),
        _section("Performance", _performance(metrics or {}, measured_on)),
        _section("Decisions", _decisions(manifest, prevalence)),
        _section("What else to know", _bullets(notes)) if notes else "",
        _section("How to check this bundle", _checking(manifest)),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _details(manifest: ManifestDraft) -> str:
    origin, shape = manifest.provenance, manifest.preprocess
    rows = {
        "Task": f"{manifest.task}: {_TASKS[manifest.task]}",
        "Findings": ", ".join(manifest.classes),
        "Images": manifest.modality or "not stated",
        "Network": origin.backbone or "not stated",
        "First weights": origin.weights or "not stated",
        "Phases of training": ", ".join(origin.phases) or "not stated",
        "Input": f"{shape.size} × {shape.size} pixels ({shape.resize}, {shape.interpolation})",
        **({"Asks for": _asks_for(manifest.metadata)} if manifest.metadata else {}),
        "Calibration": manifest.calibration.kind,
        **({"Small network": _small(manifest.small)} if manifest.small else {}),
        **({"Warns of": _warned(manifest.quality)} if manifest.quality else {}),
        "Packed": " ".join(filter(None, [origin.created, f"by Overread {origin.overread_version}"]))
        if origin.overread_version
        else origin.created or "not stated",
        "Code": origin.git_commit or "not stated",
        "Seed": str(origin.seed),
    }
    return _section("Details", _table(("", ""), list(rows.items())))


def _asks_for(fields: Sequence[MetadataField]) -> str:
    named = "; ".join(f"{in_words(field)}, not stated in {field.missing:.0%} of train" for field in fields)
    return f"{named}. What is not known may be left out, and readings say so"


def _small(small: SmallNetwork) -> str:
    changes = [
        f"{share:.1%} of decisions" if name == "decisions" else f"{name} by {share:+.3f}"
        for name, share in (("decisions", small.decisions_changed), ("the mean AUC", small.auc_change))
        if not math.isnan(share)
    ]
    largest = (
        ""
        if math.isnan(small.largest_score_change)
        else (f", no score by more than {small.largest_score_change:.3f}")
    )
    measured = f"; on {small.images} images of tune it changes {' and '.join(changes)}{largest}"
    return f"weights as {small.storage}, {small.bytes / 1e6:.1f} MB{measured if changes else ''}"


def _warned(limits: QualityLimits) -> str:
    return (
        f"photographs with a side below {limits.shorter_side} pixels, a mean brightness outside "
        f"{limits.dark:.0f} to {limits.bright:.0f} of 255, or a sharpness below {limits.sharpness:.3g}; "
        f"such were hardly among the {limits.images} of train and tune that were measured. They are read all "
        "the same"
    )


def _data(manifest: ManifestDraft) -> str:
    origin = manifest.provenance
    named = f"Cohort **{_plain(origin.cohort)}**" if origin.cohort else "The cohort"
    lines = [f"{named}, content hash `{origin.cohort_hash or 'not stated'}`."]
    if origin.source:
        lines.append(f"Source: {_plain(origin.source)}.")
    if origin.licence:
        lines.append(f"Licence: {_plain(origin.licence)}.")
    if not origin.patient_known:
        lines.append(
            "The source does not say which images are of one patient: images of one patient may stand on "
            "both sides of a split, and the intervals below are narrower than they should be."
        )
    columns = sorted({name for counts in origin.split_counts.values() for name in counts})
    if columns:
        known = ["train", "tune", "test"]
        order = [name for name in known if name in origin.split_counts]
        order += sorted(set(origin.split_counts) - set(known))
        rows = [
            (split, *(str(origin.split_counts[split].get(name, 0)) for name in columns)) for split in order
        ]
        lines += ["", _table(("Split", *columns), rows)]
    return "\n".join(lines)


def _performance(metrics: Mapping[str, Mapping[str, float | None]], measured_on: str) -> str:
    if not metrics:
        return "Not measured yet: do not use it."
    rows = [(name, _figure(figure)) for name, figure in metrics.items()]
    lead = f"Measured on {_plain(measured_on)}; in brackets the 95 % interval, patients resampled."
    return f"{lead}\n\n{_table(('Figure', 'Value'), rows)}"


def _figure(figure: Mapping[str, float | None]) -> str:
    value, low, high = (figure.get(key) for key in ("value", "low", "high"))
    if value is None or math.isnan(value):
        return "undefined"
    if low is None or high is None or math.isnan(low) or math.isnan(high):
        return f"{value:.3f}"
    return f"{value:.3f} ({low:.3f} to {high:.3f})"


def _decisions(manifest: ManifestDraft, prevalence: float | None) -> str:
    triage = manifest.triage
    lines = []
    for point in manifest.deciding_points():
        finding = _plain(point.class_name or " + ".join(triage.urgent))
        lines.append(
            f"- **urgent** if the score of {finding} is at least {point.threshold:.4g} "
            f"({_plain(point.name)}: {_plain(point.rule)}). {_reached(point)}"
        )
        if prevalence is not None:
            lines.append(f"  {_people(point, prevalence, finding)}")
    if not lines:
        lines.append("- **urgent** is never said: no finding of this bundle was declared urgent.")
    lines.append("- **routine** otherwise. It does not say that nothing is wrong.")
    lines.append(
        f"- **cannot-assess** if the image is too unlike the training images (novelty above "
        f"{triage.novelty_threshold:.4g}); a person must look at it."
    )
    if triage.conformal is not None:
        lines.append(
            "- **cannot-assess** also if its scores leave open which class is true, or contradict the above."
            f" The true class is left possible in {triage.conformal.coverage:.0%} of patients like those of"
            " training."
        )
    return "\n".join(lines)


def _reached(point: OperatingPoint) -> str:
    positives, negatives = f"{point.positives} with the finding", f"{point.negatives} without"
    if math.isnan(point.sensitivity) or math.isnan(point.specificity):
        return f"What it reached where it was chosen is undefined ({positives}, {negatives})."
    return (
        f"Where it was chosen ({positives}, {negatives}) it found {point.sensitivity:.0%} of those with it "
        f"and called {1 - point.specificity:.0%} of those without it urgent."
    )


def _people(point: OperatingPoint, prevalence: float, finding: str) -> str:
    if not 0.0 <= prevalence <= 1.0:
        raise ValueError(f"expected a prevalence from 0 to 1, got {prevalence}")
    if math.isnan(point.sensitivity) or math.isnan(point.specificity):
        return ""
    ill = 1000 * prevalence
    found, alarms = ill * point.sensitivity, (1000 - ill) * (1 - point.specificity)
    return (
        f"Of 1,000 people of whom {ill:.0f} have {finding}, about {found + alarms:.0f} would be called "
        f"urgent: {found:.0f} rightly and {alarms:.0f} needlessly; "
        f"{ill - found:.0f} with {finding} would be missed."
    )


def _checking(manifest: ManifestDraft) -> str:
    files = len(manifest.files) if isinstance(manifest, Manifest) else "all"
    return (
        "`overread bundle verify FOLDER` checks the SHA-256 of "
        f"{files} files and reads the pictures in `selftest/` again: the scores must be those of the day "
        "when the bundle was packed, within 0.00001."
    )


def _section(title: str, text: str) -> str:
    return f"## {title}\n\n{text}"


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {' '.join(line.split())}" for line in lines)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_plain(cell) for cell in line) + " |" for line in lines)


def _plain(text: str) -> str:
    """Text that Markdown shows as it is, in one line: class and cohort names are other people's words."""
    return "".join(f"\\{c}" if c in "\\`*_[]<>|#" else c for c in " ".join(text.split()))
