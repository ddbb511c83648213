"""The page of a comparison of heads: one table, and what it can be believed for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from overread.evaluation.pages import page_environment, stylesheet, tidy
from overread.evaluation.wording import minus, number, p_value, signed

if TYPE_CHECKING:
    from overread.study.heads import HeadRow, HeadTable

METRICS = {"roc_auc": "ROC AUC", "balanced_accuracy": "Balanced accuracy"}
FITTED = {"local": "here", "spark": "Spark ML"}
REDUCED = {"none": "all features", "pca": "components", "select": "selected"}
_FACTS = {"head", "fit_on", "folds", "reduce", "features", "parity", "jumps", "explained", "library"}


def render_heads(table: HeadTable) -> str:
    """Write the page: self-contained, without a script, of no patient's data."""
    environment = page_environment("overread.study")
    spans = [(row.low, row.high) for row in table.rows if not math.isnan(row.low)]
    low, high = min((one for one, _ in spans), default=0.0), max((one for _, one in spans), default=1.0)
    return tidy(
        environment.get_template("heads.html.jinja").render(
            style=stylesheet(environment, "report.css", "heads.css"),
            name=table.name,
            metric=METRICS[table.metric],
            lead=lead(table),
            sentences=sentences(table),
            cautions=cautions(table),
            rows=[_row(row, low, high) for row in table.rows],
            ends=(number(low, digits=2), number(high, digits=2)),
            tested=table.task == "binary",
            spark=any(row.fit_on == "spark" for row in table.rows),
        )
    )


def lead(table: HeadTable) -> str:
    """What was done, in a sentence."""
    return (
        f"{table.features:,} features of {table.backbone} for {table.images:,} images of "
        f"{table.patients:,} patients; {table.folds} folds of patients, the same for every head, and each "
        "image is read by the head that did not see its patient. The test split was not read."
    )


def sentences(table: HeadTable) -> list[str]:
    """What was found, for people."""
    fitted = [row for row in table.rows if not row.failed]
    best = max(fitted, key=lambda row: -math.inf if math.isnan(row.value) else row.value)
    said = [
        f"The highest {METRICS[table.metric]} is that of {name_of(best)}: {number(best.value)}"
        + (f" ({number(best.low)} – {number(best.high)})." if not math.isnan(best.low) else ".")
    ]
    first = table.rows[0]
    apart = [row for row in fitted if row is not first and clearly_apart(row)]
    if first.failed or len(fitted) < 2:
        return said
    told = "; ".join(f"{name_of(row)}, by {signed(row.difference)}" for row in apart)
    said.append(
        f"Beyond chance from {name_of(first)} at 5 %: {told}."
        if apart
        else f"None can be told from {name_of(first)} at 5 %."
    )
    converted = [row.parity for row in fitted if not math.isnan(row.parity)]
    if converted:
        jumped = sum(row.jumps for row in fitted)
        said.append(
            "Each head of Spark ML was read into the network that a bundle holds; its probabilities are "
            f"within {max(converted):.0e} of Spark's own"
            + (
                f", but for {jumped} images that a tree on components parts at the last digit."
                if jumped
                else "."
            )
        )
    return said


def cautions(table: HeadTable) -> list[str]:
    """What the figures are not."""
    said = [
        "The settings of each head were chosen on the same folds: all figures are a little too good, and "
        "alike for all heads. Only overread run measures on test.",
        "Log loss is that of the heads before calibration; a bundle's scores are calibrated.",
    ]
    if table.task != "binary":
        said.append("Intervals come from resampled patients; differences are not adjusted for their number.")
    return said


def name_of(row: HeadRow) -> str:
    """A row in a sentence: logistic (Spark ML, components)."""
    fewer = "" if row.reduce == "none" else f", {REDUCED[row.reduce]}"
    return f"{row.head} ({FITTED[row.fit_on]}{fewer})"


def clearly_apart(row: HeadRow) -> bool:
    """Whether p after Holm is below 0.05, or without a test the interval leaves out 0."""
    if not math.isnan(row.p_value):
        return row.p_value < 0.05
    return not math.isnan(row.difference_low) and not row.difference_low <= 0 <= row.difference_high


def chosen(setting: Mapping[str, float | str]) -> str:
    """What was chosen, in a table: C 30, metadata 0.3."""
    return ", ".join(
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in setting.items()
        if name not in _FACTS
    )


def seconds(value: float) -> str:
    """In a table: "0.8" or "214"."""
    return "–" if math.isnan(value) else f"{value:.1f}" if value < 10 else f"{value:.0f}"


def interval(low: float, high: float) -> str:
    """In a table: "0.712 – 0.853"."""
    return "" if math.isnan(low) else f"{number(low)} – {number(high)}"


def parity(row: HeadRow) -> str:
    """In a table: "3e-08", and of how many images it is more."""
    if math.isnan(row.parity):
        return "–"
    return minus(f"{row.parity:.0e}") + (f" ({row.jumps} jump)" if row.jumps else "")


def _row(row: HeadRow, low: float, high: float) -> dict[str, Any]:
    width = max(high - low, 1e-9)
    span = None
    if not math.isnan(row.low):
        span = [round(4 + 92 * (one - low) / width, 2) for one in (row.low, row.value, row.high)]
    return {
        "head": row.head,
        "fitted": FITTED[row.fit_on],
        "reduced": REDUCED[row.reduce],
        "features": f"{row.features:,}",
        "value": number(row.value),
        "interval": interval(row.low, row.high),
        "span": span,
        "log_loss": number(row.log_loss),
        "difference": "" if math.isnan(row.difference) else signed(row.difference),
        "difference_interval": ""
        if math.isnan(row.difference_low)
        else f"{signed(row.difference_low)} to {signed(row.difference_high)}",
        "p": "" if math.isnan(row.p_value) else p_value(row.p_value),
        "apart": clearly_apart(row),
        "seconds": seconds(row.seconds),
        "parity": parity(row),
        "chosen": chosen(row.setting),
        "failed": row.failed,
    }
