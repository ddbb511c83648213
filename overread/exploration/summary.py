"""The page's first words: what the cohort is, and what must be known before it is trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from overread.evaluation.wording import count
from overread.exploration.class_tables import BalanceRow
from overread.exploration.distributions import numbers
from overread.exploration.evidence import Duplicates, Shortcuts
from overread.exploration.groups import UNLABELLED, ClassGroups
from overread.exploration.sections import Missing, share_of
from overread.exploration.subject import Subject

if TYPE_CHECKING:
    from overread.exploration.shortcuts import Shortcut

_FEW, _FEW_A_SPLIT = 30, 10
_OLDEST = 110
_NAMED = 3
_TOGETHER = frozenset({"image", "metadata"})
_LOPSIDED = 20


@dataclass(frozen=True)
class Caution:
    """A sentence, where the page shows more, and how serious it is."""

    text: str
    anchor: str
    serious: bool = False


def lead(subject: Subject, groups: ClassGroups) -> str:
    """What this cohort is, in one sentence."""
    card, table = subject.card, subject.table
    said = [count(card.images, "image")]
    if card.patient_known:
        said.append(f"of {count(card.patients, 'patient')}")
    lesions = pc.count_distinct(table["group_id"]).as_py()
    if lesions and lesions != card.patients:
        said.append(f"({count(lesions, 'lesion or study', 'lesions or studies')})")
    names = [name for name in groups.names if name != UNLABELLED]
    if card.task == "binary":
        sizes = dict(zip(groups.names, groups.images, strict=True))
        parts = " and ".join(f"{sizes[name]:,} {name}" for name in names)
        said.append(f"in two classes: {parts}")
    elif card.task == "multiclass":
        said.append(f"in {len(card.classes)} classes")
    else:
        said.append(f"labelled for {count(len(card.classes), 'finding')}")
    sources = pc.count_distinct(table["source"]).as_py()
    if sources > 1:
        said.append(f"from {sources} sources")
    return " ".join(said) + "."


def cautions(
    subject: Subject,
    groups: ClassGroups,
    *,
    rows: Sequence[BalanceRow],
    missing: Missing,
    audit: Shortcuts,
    audited: bool,
    twins: Duplicates | None,
) -> list[Caution]:
    """What must be known before the cohort is trusted, the most serious first."""
    unasked = [] if audited else [Caution("Nobody looked for shortcuts.", "shortcuts")]
    return [
        *_leakage(subject),
        *_shortcuts(audit),
        *_labels(subject, twins),
        *_sizes(rows, groups),
        *_gaps(subject, missing),
        *unasked,
    ]


def _leakage(subject: Subject) -> list[Caution]:
    accepted = set(subject.card.accepted_leakage)
    found = [
        Caution(
            f"{leak.sentence}{' (accepted by name)' if leak.kind in accepted else ''}. "
            "A reader is tested on what it was taught, and looks better than it is.",
            "leakage",
            True,
        )
        for leak in subject.card.leakage
    ]
    if not subject.card.patient_known:
        found.append(
            Caution(
                "The source does not tell patients apart: images of one patient may stand on two sides of "
                "the split, and nobody can see it.",
                "leakage",
                True,
            )
        )
    return found


def _shortcuts(audit: Shortcuts) -> list[Caution]:
    found = [Caution(sentence, "shortcuts", True) for sentence in _strongest(audit)]
    more = len(audit.warned) + audit.unlisted - len(found)
    if more > 0:
        found.append(Caution(f"{count(more, 'more shortcut')} above the limit.", "shortcuts"))
    return found


def _strongest(audit: Shortcuts) -> list[str]:
    """The strongest single shortcut of each class, then the next ones: three sentences that do not repeat."""
    single = [one.shortcut for one in audit.warned if one.shortcut.factor not in _TOGETHER]
    by_class: dict[str, Shortcut] = {}
    for one in single:
        by_class.setdefault(one.class_name, one)
    first = list(by_class.values())
    ranked = [*first, *(one for one in single if one not in first)] or [one.shortcut for one in audit.warned]
    return [one.sentence for one in ranked[:_NAMED]]


def _labels(subject: Subject, twins: Duplicates | None) -> list[Caution]:
    found = []
    card = subject.card
    against = card.reject_reasons.get("conflicting-label", 0)
    if against:
        verb = "contradicts" if against == 1 else "contradict"
        found.append(
            Caution(f"The labels of {count(against, 'input')} {verb} each other; left out.", "rejects", True)
        )
    if twins and twins.contradicting:
        pairs = count(twins.contradicting, "pair")
        found.append(
            Caution(f"{pairs} of pictures that show the same have different labels.", "duplicates", True)
        )
    unread = card.rejected - sum(
        card.reject_reasons.get(reason, 0) for reason in ("excluded", "incomplete-row", "no-label")
    )
    if card.found and unread > 0.02 * card.found:
        share = share_of(unread, card.found)
        found.append(Caution(f"{count(unread, 'input')} ({share}) could not be used.", "rejects"))
    return found


def _sizes(rows: Sequence[BalanceRow], groups: ClassGroups) -> list[Caution]:
    found = []
    sizes = {row.name: row.all.count for row in rows if row.name != UNLABELLED}
    few = [f"{images:,} {name}" for name, images in sizes.items() if images < _FEW]
    if few:
        found.append(Caution(f"Few images (under {_FEW}), so wide intervals: {', '.join(few)}.", "classes"))
    thin = [
        f"{cell.count:,} {row.name} in {side}"
        for row in rows
        for side, cell, _ in row.splits
        if row.name in sizes and sizes[row.name] >= _FEW and side != "train" and cell.count < _FEW_A_SPLIT
    ]
    if thin:
        said = f"Few images (under {_FEW_A_SPLIT}) to choose or to judge by: {', '.join(thin)}."
        found.append(Caution(said, "classes"))
    findings = {name: sizes[name] for name in groups.names[: groups.findings] if sizes.get(name)}
    everything = findings if len(findings) > 1 else {name: n for name, n in sizes.items() if n}
    if len(everything) > 1:
        most, least = (pick(everything, key=everything.__getitem__) for pick in (max, min))
        if everything[most] > _LOPSIDED * everything[least]:
            times = everything[most] // everything[least]
            said = f"{most} is {times:,} times as frequent as {least}: weigh the classes, and look at each."
            found.append(Caution(said, "classes"))
    unlabelled = [row.all.count for row in rows if row.name == UNLABELLED]
    if unlabelled:
        found.append(Caution(f"{count(unlabelled[0], 'image')} without a label.", "classes"))
    return found


def _gaps(subject: Subject, missing: Missing) -> list[Caution]:
    found = [
        Caution(
            f"A missing {words} tells the class: missing in {much} of {most}, in {little} of {least}.",
            "missing",
        )
        for words, most, much, least, little in missing.uneven
    ]
    ages = numbers(subject.table["age"])
    odd = int(((ages > _OLDEST) | (ages < 0)).sum())
    if odd:
        verb = "is" if odd == 1 else "are"
        found.append(Caution(f"{count(odd, 'age')} {verb} below 0 or above {_OLDEST} years.", "people"))
    if subject.images_of is not None and subject.duplicates is None:
        found.append(Caution("Nobody looked for near-duplicates.", "duplicates"))
    return found
