"""The card of a cohort: what its rows, rejects and splits come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from overread.cohort.assemble import Assembly
from overread.cohort.candidates import Listing, readable, without_suffix
from overread.cohort.card import CohortCard
from overread.cohort.schema import SPLITS, Split, content_hash
from overread.cohort.settings import IngestSettings


def card_of(
    listing: Listing, assembly: Assembly, *, source: Path, settings: IngestSettings, embedded: bool
) -> CohortCard:
    """The figures of an ingest.

    Args:
        listing: All inputs.
        assembly: What became of them.
        source: Where they came from.
        settings: What was asked.
        embedded: Whether the images' bytes are kept in the cohort.
    """
    rows, labelling = assembly.rows, assembly.labelling
    counts: dict[Split, dict[str, int]] = {}
    split_counts: dict[Split, int] = {}
    for split in SPLITS:
        of_split = rows.filter(pc.equal(rows["split"], split))
        counts[split] = dict(count_classes(of_split, labelling.classes, labelling.negative))
        split_counts[split] = of_split.num_rows
    files = Counter(one for one in rows["sha256"].to_pylist() if one is not None)
    looked = settings.near_duplicates and bool(files)
    return CohortCard(
        name=settings.name or _name_of(source),
        task=labelling.task,
        classes=labelling.classes,
        negative=labelling.negative,
        source=readable(str(source)),
        licence=settings.licence,
        patient_known=assembly.patient_known,
        found=len(listing.candidates),
        read=rows.num_rows,
        rejected=assembly.rejects.num_rows,
        ignored=listing.ignored,
        repeated=listing.repeated,
        images=rows.num_rows,
        patients=len(set(rows["patient_id"].to_pylist())),
        groups=len(set(rows["group_id"].to_pylist()) - {None}),
        identical=sum(count for count in files.values() if count > 1),
        counts=counts,
        split_counts=split_counts,
        split_given=assembly.split_given,
        split_by=settings.split_by,
        leakage=assembly.leaks,
        accepted_leakage=settings.accept_leakage,
        near_duplicates=assembly.duplicates["kind"].to_pylist().count("near-duplicate") if looked else None,
        flow=assembly.flow,
        reject_reasons=dict(sorted(Counter(assembly.rejects["reason"].to_pylist()).items())),
        columns=dict(listing.columns),
        map=settings.map,
        seed=settings.seed,
        embedded=embedded,
        content_hash=content_hash(rows),
    )


def _name_of(source: Path) -> str:
    """The source's name, of a file without its endings."""
    whole = source.resolve()
    name = whole.name.removesuffix(".gz") if whole.is_file() else whole.name
    return readable(without_suffix(name) if whole.is_file() else name)


def count_classes(table: pa.Table, classes: Sequence[str], negative: str) -> Counter[str]:
    """Images of each class, and of the absence of a binary cohort's class; NaN counts for neither."""
    counts: Counter[str] = Counter(dict.fromkeys([*classes, *([negative] if negative else [])], 0))
    for target in table["target"].to_pylist():
        for name, value in zip(classes, target or (), strict=bool(target)):
            counts[name] += value == 1
            if negative:
                counts[negative] += value == 0
    return counts
