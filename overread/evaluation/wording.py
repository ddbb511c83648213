"""The report's plain words: pure functions from figures to sentences that anybody can read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from overread.bundle.manifest import ManifestDraft
from overread.evaluation.clinical import Abstention, CalibrationResult, LearningPoint
from overread.evaluation.figures import Figure
from overread.evaluation.results import Evaluation, Triage

_FEW = 30
_LEVEL = 0.005
_MOST_NAMES = 4
_EACH_IMAGE = "each image counts as a patient of its own"


@dataclass(frozen=True)
class Hundred:
    """What becomes of 100 images of one truth.

    Attributes:
        title: "Of 100 malignant images".
        images: How many images this rests on.
        parts: (decision, of 100, sentence with interval, tone), summing to 100; tone is "right", "wrong"
            or "aside".
    """

    title: str
    images: int
    parts: tuple[tuple[str, int, str, str], ...]


def number(value: float, *, digits: int = 3) -> str:
    """A figure in a table; an en dash where undefined.

    Example:
        >>> number(0.86249), number(-0.00001), number(float("nan"))
        ('0.862', '0.000', '–')
    """
    return "–" if np.isnan(value) else _fixed(value, digits)


def interval(figure: Figure, *, digits: int = 3) -> str:
    """An interval in a table: "0.79 – 0.91", or why there is none."""
    if np.isnan(figure.value):
        return "undefined"
    if np.isnan(figure.low):
        return "no interval"
    return f"{_fixed(figure.low, digits)} – {_fixed(figure.high, digits)}"


def cells(figure: Figure | None) -> tuple[str, str]:
    """A figure and its interval in a table; a dash alone where there is no such figure."""
    return ("–", "") if figure is None else (number(figure.value), interval(figure))


def _fixed(value: float, digits: int) -> str:
    """With so many decimals, a true minus sign, and no minus before a zero."""
    return minus(f"{value:z.{digits}f}")


def minus(text: str) -> str:
    """A number's text with a true minus sign."""
    return text.replace("-", "\N{MINUS SIGN}")


def signed(value: float, *, digits: int = 3) -> str:
    """A difference in a table, with its sign.

    Example:
        >>> signed(0.0312), signed(-0.2), signed(float("nan"))
        ('+0.031', '−0.200', '–')
    """
    return "–" if np.isnan(value) else minus(f"{value:+.{digits}f}")


def signed_interval(figure: Figure, *, digits: int = 3) -> str:
    """An interval of a difference: "−0.02 to +0.11"; "" where there is none."""
    if np.isnan(figure.value) or np.isnan(figure.low):
        return ""
    return f"{signed(figure.low, digits=digits)} to {signed(figure.high, digits=digits)}"


def p_value(value: float) -> str:
    """A p value in a table.

    Example:
        >>> p_value(0.0421), p_value(0.00001), p_value(1.0), p_value(float("nan"))
        ('0.042', '<\u202f0.001', '1.000', '–')
    """
    if np.isnan(value):
        return "–"
    return "<\N{NARROW NO-BREAK SPACE}0.001" if value < 0.001 else f"{value:.3f}"


def threshold(value: float) -> str:
    """A threshold: three significant digits, a dash where there is none.

    Example:
        >>> threshold(0.123456), threshold(0.00000123), threshold(float("nan"))
        ('0.123', '1.23e-06', '–')
    """
    return "–" if np.isnan(value) else f"{value:.3g}"


def per_finding(ppv: float) -> str:
    """How many are called to find one: the number needed to examine.

    Example:
        >>> per_finding(0.8), per_finding(0.05), per_finding(0.0), per_finding(float("nan"))
        ('1.2', '20', '–', '–')
    """
    if not ppv > 0:
        return "–"
    return f"{1 / ppv:.1f}" if 1 / ppv < 10 else f"{1 / ppv:,.0f}"


def share_percent(share: float) -> str:
    """A share in words: "0.1 %", "29 %"; a dash where undefined."""
    return "–" if np.isnan(share) else percent(float(f"{share:.2g}"))


def percent(share: float) -> str:
    """A level in words, unbroken: "95 %"."""
    return f"{100 * share:g}\N{NARROW NO-BREAK SPACE}%"


def of_hundred(figure: Figure) -> str:
    """A proportion in words: "84 to 97"."""
    if np.isnan(figure.low):
        return "no interval"
    return f"{round(100 * figure.low)} to {round(100 * figure.high)}"


def count(many: int, one: str, several: str | None = None) -> str:
    """A number with its noun.

    Example:
        >>> count(1, "image"), count(1200, "image"), count(2, "class", "classes")
        ('1 image', '1,200 images', '2 classes')
    """
    return f"{many:,} {one if many == 1 else several or one + 's'}"


def whole_hundred(shares: Sequence[float]) -> tuple[int, ...]:
    """Shares that sum to 1 as whole numbers that sum to 100 (largest remainder).

    Example:
        >>> whole_hundred([1 / 3, 1 / 3, 1 / 3])
        (34, 33, 33)
    """
    exact = [100 * share for share in shares]
    floor = [int(np.floor(value + 1e-9)) for value in exact]
    ranked = sorted(range(len(exact)), key=lambda k: (floor[k] - exact[k], k))
    for k in ranked[: 100 - sum(floor)]:
        floor[k] += 1
    return tuple(floor)


@dataclass(frozen=True)
class Naming:
    """What to call images with and without the finding: (with, without) each.

    Attributes:
        many: "malignant images", "benign images".
        one: "malignant image", "benign image".
        short: "malignant", "benign".
    """

    many: tuple[str, str]
    one: tuple[str, str]
    short: tuple[str, str]


def name_images(evaluation: Evaluation, *, manifest: ManifestDraft) -> Naming:
    """The names of the two sides of the main question: the finding, or the urgent classes together."""
    names = list(evaluation.triage.urgent if evaluation.triage else evaluation.classes)
    if len(names) > _MOST_NAMES:
        return _UNNAMED
    finding = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
    if evaluation.task == "multilabel":
        many, one = (f"images with {finding}", "images without"), (f"image with {finding}", "image without")
        return Naming(many, one, (finding, f"no {finding}"))
    other = _negative(evaluation, manifest)
    sides = (finding, other or "other")
    return Naming(
        many=(f"{sides[0]} images", f"{sides[1]} images"),
        one=(f"{sides[0]} image", f"{sides[1]} image"),
        short=(finding, other or f"not {finding}"),
    )


_UNNAMED = Naming(
    many=("images with an urgent finding", "images without"),
    one=("image with an urgent finding", "image without"),
    short=("urgent finding", "no urgent finding"),
)


def _negative(evaluation: Evaluation, manifest: ManifestDraft) -> str:
    """What the cohort calls the absence of a binary finding; "" where it has no word."""
    if evaluation.task != "binary":
        return ""
    if evaluation.cohort and evaluation.cohort.negative:
        return evaluation.cohort.negative
    counted = {name for counts in manifest.provenance.split_counts.values() for name in counts}
    others = counted - set(evaluation.classes)
    return others.pop() if len(others) == 1 else ""


def hundreds(triage: Triage, *, naming: Naming) -> tuple[Hundred, ...]:
    """What becomes of 100 images with, and of 100 without, an urgent finding; none where there are none."""
    sides = (
        ("present", triage.positives, ("urgent", "cannot-assess", "routine")),
        ("absent", triage.negatives, ("routine", "cannot-assess", "urgent")),
    )
    found = []
    for (side, images, order), many in zip(sides, naming.many, strict=True):
        if images:
            figures = [triage.figures[f"{decision.replace('-', '_')}_if_{side}"] for decision in order]
            whole = whole_hundred([figure.value for figure in figures])
            tones = ("right", "aside", "wrong")
            parts = tuple(
                (decision, share, f"{_MEANING[side][decision]} ({of_hundred(figure)})", tone)
                for decision, share, figure, tone in zip(order, whole, figures, tones, strict=True)
            )
            found.append(Hundred(f"Of 100 {many}", images, parts))
    return tuple(found)


_MEANING = {
    "present": {
        "urgent": "are called urgent",
        "cannot-assess": "are set aside as cannot-assess, for a physician",
        "routine": "are called routine: missed",
    },
    "absent": {
        "routine": "are called routine",
        "cannot-assess": "are set aside as cannot-assess, for a physician",
        "urgent": "are called urgent: false alarms",
    },
}


def ranking_sentence(auc: Figure, *, naming: Naming) -> str:
    """What ROC-AUC means, in words."""
    present, absent = naming.one
    if np.isnan(auc.value):
        return f"How well the scores rank cannot be stated: that takes both {' and '.join(naming.many)}."
    return (
        f"Shown one {present} and one {absent}, the reader gives the first the higher score in "
        f"{round(100 * auc.value)} of 100 pairs ({of_hundred(auc)})."
    )


def calibration_sentence(error: Figure, *, prevalence: Figure) -> str:
    """What the calibration error means, in words."""
    if np.isnan(error.value):
        return "How far its scores can be taken as probabilities cannot be stated."
    said = (
        f"Taken as probabilities, its scores are off by {100 * error.value:.0f} percentage points on average "
        f"({of_hundred(error)})."
    )
    if not prevalence.value > 0:
        return said
    return (
        f"{said} Of 100 of these images, {100 * prevalence.value:.0f} have the finding; where it is rarer, "
        "more of the urgent calls are false alarms."
    )


def patients_known(evaluation: Evaluation, *, manifest: ManifestDraft) -> bool:
    """Whether the source tells patients apart."""
    return evaluation.cohort.patient_known if evaluation.cohort else manifest.provenance.patient_known


def groups_known(evaluation: Evaluation) -> bool:
    """Whether, for want of patients, images are held together by what they share: a lesion or a study."""
    return evaluation.counts.patients < evaluation.counts.used


def cautions(evaluation: Evaluation, *, manifest: ManifestDraft) -> list[str]:
    """What a reader of the report must know before trusting a figure, most serious first."""
    found = []
    counts, share = evaluation.counts, percent(evaluation.level)
    for leak in evaluation.cohort.leakage if evaluation.cohort else ():
        found.append(f"Leakage that the study accepts: {leak}. The figures may be too good.")
    if evaluation.test_reads is not None and evaluation.test_reads > 1 and evaluation.split == "test":
        found.append(
            f"The test images were read {evaluation.test_reads} times: choices made after the first time can "
            "make these figures too good."
        )
    if evaluation.split != "test":
        found.append(
            f"These are {evaluation.split} images, on which the reader was fitted or chosen: "
            "the figures flatter."
        )
    if not patients_known(evaluation, manifest=manifest):
        grouped = groups_known(evaluation)
        what = "all images of one lesion or study count as one patient" if grouped else _EACH_IMAGE
        found.append(
            f"The source does not tell patients apart: {what}, so the {share} intervals may be too narrow, "
            f"and {'lesions' if grouped else 'images'} of one patient may lie in two splits."
        )
    if counts.missing:
        found.append(f"{count(counts.missing, 'image')} of the split have no reading and enter no figure.")
    few = [
        f"{many or 'none'} {side} {finding.name}"
        for finding in evaluation.findings
        for many, side in ((finding.positives, "with"), (finding.negatives, "without"))
        if many < _FEW
    ]
    if few:
        found.append(f"Few images (under {_FEW}), so wide intervals: {', '.join(few)}.")
    if evaluation.undefined_findings and evaluation.task != "binary":
        found.append(f"The means over classes leave out {', '.join(evaluation.undefined_findings)}.")
    separated = [one.name for one in evaluation.findings if one.figures["roc_auc"].value == 1.0]
    if separated:
        found.append(
            f"The scores separate {', '.join(separated)} without one error; resampling cannot say how "
            "far that would hold on other images, so no interval is given."
        )
    return found


def notes_beside(notes: Sequence[str], *, cautions: Sequence[str]) -> tuple[str, ...]:
    """The notes without those that open a caution: what limits trust is said once."""
    return tuple(note for note in notes if not any(caution.startswith(note) for caution in cautions))


def learning_sentence(points: Sequence[LearningPoint]) -> str:
    """How much more images would help, from the last stretch of the learning curve."""
    known = [point for point in points if not np.isnan(point.auc)]
    if len(known) < 2:
        return "How much more images would help cannot be stated."
    whole = known[-1]
    before = min(known[:-1], key=lambda point: abs(point.share - whole.share / 2))
    gain, spread = whole.auc - before.auc, max(before.high - before.low, 0.0)
    said = (
        f"From {count(before.patients, 'patient')} to {whole.patients:,} the ROC-AUC on patients left out "
        f"went from {number(before.auc)} to {number(whole.auc)}"
    )
    if gain < _LEVEL:
        return f"{said}: more images like these would probably help little."
    if gain < spread:
        return f"{said}; that is within the spread of the draws, so more images may or may not help."
    return f"{said}: more images like these would probably help."


def abstention_sentence(rule: Abstention) -> str:
    """What a conformal rule does on the test images, in words."""
    if np.isnan(rule.answered.value) or np.isnan(rule.right.value):
        return "What the rule does on these images cannot be stated."
    does, leaves = ("answers", "leaves") if rule.in_force else ("would answer", "leave")
    return (
        f"It {does} {round(100 * rule.answered.value)} of 100 images ({of_hundred(rule.answered)}) and "
        f"{leaves} the others to a physician; of 100 answers {round(100 * rule.right.value)} are right "
        f"({of_hundred(rule.right)}), against {round(100 * rule.right_of_all.value)} of 100 without the rule."
    )


def calibration_choice(result: CalibrationResult) -> str:
    """Why a calibration was taken."""
    if result.kind == "none":
        return "The scores are not calibrated."
    losses = {kind: loss for kind, loss in result.log_loss.items() if not np.isnan(loss)}
    plain, name = losses.pop("none", np.nan), CALIBRATIONS[result.kind]
    if len(losses) < 2 or result.kind not in losses:
        return f"{name} was taken without a choice."
    beside = "" if np.isnan(plain) else f"; the scores without calibration had {number(plain)}"
    if plain <= losses[result.kind]:
        beside += ", so there was next to nothing to correct"
    if min(losses, key=lambda kind: losses[kind]) == result.kind:
        return (
            f"{name} was chosen: its cross-validated log loss, {number(losses[result.kind])}, is the lowest "
            f"of the calibrations{beside}."
        )
    return f"{name} was taken although another has a lower cross-validated log loss{beside}."


CALIBRATIONS = {
    "none": "Uncalibrated",
    "temperature": "Temperature scaling",
    "platt": "Platt scaling",
    "isotonic": "Isotonic regression",
}
"""What the report calls each calibration, the simplest first."""
