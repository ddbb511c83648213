"""The page that sets readers in a published table, and says what keeps the two apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from overread.evaluation import wording
from overread.evaluation.figures import Figure
from overread.evaluation.leaderboard import Entry, Placed, PublishedTable
from overread.evaluation.pages import page_environment, safe, stylesheet, tidy

if TYPE_CHECKING:
    from overread.evaluation.leaderboard_plot import Line


@dataclass(frozen=True)
class Row:
    """One line of the page's table: a published entry, or a reader of ours."""

    place: str
    name: str
    team: str
    value: float
    interval: str
    other_data: str
    stated: str
    source: str
    tone: str


def render_leaderboard(table: PublishedTable, readers: Sequence[Placed]) -> str:
    """Write the page.

    It holds its style and its drawing, loads nothing, runs no script, and is the same to the byte for the
    same arguments. No image and no patient stands in it.

    Args:
        table: What others reached.
        readers: At least one.

    Returns:
        The HTML text.
    """
    from overread.evaluation.leaderboard_plot import leaderboard_plot

    rows = _rows(table, readers)
    figures = {one.name: one.figure for one in readers}
    lines = [_line(row, figures) for row in rows]
    shown = ", ".join(f"{row.name} {wording.number(row.value)}" for row in rows)
    environment = page_environment()
    page = environment.get_template("leaderboard.html.jinja").render(
        style=stylesheet(environment, "report.css", "leaderboard.css"),
        table=table,
        readers=readers,
        rows=rows,
        sentences=[sentence for one in readers for sentence in reader_sentences(table, one)],
        plot=safe(
            leaderboard_plot(
                lines,
                chance=1 / len(table.classes),
                name="leaderboard",
                label=f"{table.metric_title}: {shown}",
            )
        ),
        recalls=_recalls(readers),
        cautions=_cautions(readers),
        by=sorted({one.clustered_by for one in readers}),
    )
    return tidy(page)


def reader_sentences(table: PublishedTable, reader: Placed) -> list[str]:
    """Where a reader would stand, in plain words.

    Example: "The reader 'skin7' reaches a balanced multiclass accuracy of 0.712 (0.676 – 0.748) on …"
    """
    total, figure = len(table.entries), reader.figure
    said = [
        f"The reader {reader.name!r} reaches a {table.metric_title} of {wording.number(figure.value)} "
        f"({wording.interval(figure)}) on {wording.count(reader.images, 'image')} that it had never seen. "
        f"Of the {total} published figures here, {_of(reader.above, total)} higher"
        + (
            f"; {_of(reader.surely_above, total)} higher than its whole interval."
            if reader.surely_above != reader.above
            else "."
        )
    ]
    said += [_against(entry, figure, name=reader.name) for entry in table.beside]
    return said


def _of(many: int, total: int) -> str:
    if many == total:
        return "all are"
    return {0: "none is", 1: "1 is"}.get(many, f"{many} are")


def _against(entry: Entry, figure: Figure, *, name: str) -> str:
    other = f"{wording.number(entry.value, digits=2)} of {entry.name[:1].lower()}{entry.name[1:]}"
    low = figure.value if np.isnan(figure.low) else figure.low
    high = figure.value if np.isnan(figure.high) else figure.high
    if low > entry.value:
        where = f"lies above the {other}"
    elif high < entry.value:
        where = f"lies below the {other}"
    else:
        where = f"holds the {other}, so that neither can be called the better"
    return (
        f"The interval of {name!r} {where}; that figure was measured on other images, and comes without an "
        "interval."
    )


def _rows(table: PublishedTable, readers: Sequence[Placed]) -> list[Row]:
    rows = [_published(entry, "published") for entry in table.entries]
    rows += [_published(entry, "beside") for entry in table.beside]
    rows += [
        Row(
            place="–",
            name=one.name,
            team=f"this reader, {one.bundle}",
            value=one.figure.value,
            interval=wording.interval(one.figure),
            other_data="–",
            stated=f"on {wording.count(one.images, 'image')} set aside, not those of the challenge",
            source="evaluation.json",
            tone="own",
        )
        for one in readers
    ]
    return sorted(rows, key=lambda row: -row.value)


def _published(entry: Entry, tone: str) -> Row:
    return Row(
        place="–" if entry.place is None else str(entry.place),
        name=entry.name,
        team=entry.team,
        value=entry.value,
        interval="no interval",
        other_data={True: "yes", False: "no", None: "not known"}[entry.other_data],
        stated=entry.stated,
        source=entry.source,
        tone=tone,
    )


def _line(row: Row, figures: Mapping[str, Figure]) -> Line:
    from overread.evaluation.leaderboard_plot import Line

    own = figures.get(row.name) if row.tone == "own" else None
    title = row.name if row.tone == "own" else f"{row.name} ({row.team})"
    if row.tone == "beside":
        title = row.name
    low, high = (np.nan, np.nan) if own is None else (own.low, own.high)
    return Line(
        title=f"{title}: {wording.number(row.value)}", value=row.value, low=low, high=high, tone=row.tone
    )


def _recalls(readers: Sequence[Placed]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Rows of the table of recalls: (class, [(value, interval) a reader])."""
    names = list(dict.fromkeys(name for one in readers for name in one.recalls))
    return [
        (
            name,
            [wording.cells(one.recalls.get(name)) for one in readers],
        )
        for name in names
    ]


def _cautions(readers: Sequence[Placed]) -> list[str]:
    several = len(readers) > 1
    told = [(one.name, caution) for one in readers for caution in one.cautions]
    return list(dict.fromkeys(f"{name}: {caution}" if several else caution for name, caution in told))
