"""network.small.onnx of a bundle: made, calibrated against network.onnx on train and tune, and compared."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from overread.bundle import ManifestDraft, pack, predict
from overread.bundle.manifest import SmallNetwork
from overread.bundle.selftest import selftest_images
from overread.bundle.shrink import Storage, ends_in_sigmoid_or_softmax, remap_score, shrink
from overread.cohort import Cohort
from overread.cohort.folds import cohort_groups
from overread.engine import Engine
from overread.progress import SILENT, Progress
from overread.study.agreement import Both, Stretch, describe, fit_stretch

MOST_IMAGES = 2000
LARGEST_AUC_CHANGE, MOST_CHANGED = 0.005, 0.01
"""Of integers on tune, for "auto" to take them."""
WORTH_IT = 0.8
"""A small network that is larger than this share of network.onnx is left out by "auto"."""
_ALIKE = 1e-5


@dataclass(frozen=True)
class Shrunk:
    """A small network with what the manifest says of it."""

    network: bytes
    described: SmallNetwork


def small_network(
    network: bytes,
    *,
    draft: ManifestDraft,
    preprocess: bytes,
    cohort: Cohort,
    wanted: Literal["auto", "int8", "int10", "fp16", "none"],
    seed: int,
    work: Path,
    engine: Engine,
    progress: Progress = SILENT,
) -> Shrunk | None:
    """Shrink a network, bring it to agree with the whole one, and measure what that changed.

    Args:
        network: Bytes of network.onnx.
        draft: What the bundle will say of itself.
        preprocess: Bytes of preprocess.onnx.
        cohort: Whose train and tune it is calibrated and compared on; test is not read.
        wanted: `bundle.small` of a study.
        seed: Of the draw of images, where there are many.
        work: Folder for the readings; removed at the end.
        engine: Where both networks read.
        progress: Who listens.

    Returns:
        The small network; None: there shall be none.
    """
    if wanted == "none":
        return None
    shutil.rmtree(work, ignore_errors=True)
    storages = _candidates(wanted)
    networks = {storage: shrink(network, storage=storage) for storage in storages}
    if wanted == "auto" and len(networks["int8"]) > WORTH_IT * len(network):
        progress.note("no small network is packed: it would hardly be smaller")
        return None
    images = _write_images(cohort, work / "images.parquet", seed=seed)
    with progress.task("shrinking the network", 1 + len(storages)) as task:
        whole = _read(network, work / "whole", images, draft, preprocess, engine)
        task.advance()
        for storage in storages:
            small = _read(networks[storage], work / storage, images, draft, preprocess, engine)
            made = _calibrate(networks[storage], storage, _join(whole, small, cohort), draft)
            task.advance()
            if harmless(made.described):
                break
    shutil.rmtree(work)
    return made


def harmless(small: SmallNetwork) -> bool:
    """Whether on tune it changed next to nothing; an undefined AUC says nothing against it."""
    return not abs(small.auc_change) > LARGEST_AUC_CHANGE and not small.decisions_changed > MOST_CHANGED


def _candidates(wanted: str) -> tuple[Storage, ...]:
    """From the smallest; "auto" takes the first that does no harm."""
    storages: tuple[Storage, ...] = get_args(Storage)
    return storages if wanted == "auto" else tuple(one for one in storages if one == wanted)


def _calibrate(shrunk: bytes, storage: Storage, both: Both, draft: ManifestDraft) -> Shrunk:
    stretch = Stretch.none(len(draft.classes), task=draft.task)
    if ends_in_sigmoid_or_softmax(shrunk) and np.abs(both.whole - both.small).max(initial=0) > _ALIKE:
        stretch = fit_stretch(both.small, both.whole, task=draft.task)
        shrunk = remap_score(shrunk, slope=stretch.slope, intercept=stretch.intercept)
    said = describe(both, stretch, draft=draft, storage=storage, size=len(shrunk))
    return Shrunk(shrunk, said)


def choose_images(cohort: Cohort, *, most: int, seed: int) -> list[str]:
    """Images of tune, then of train, whole patients in an order drawn by the seed, until there are enough.

    At least one patient is taken, so that there may be more than `most`.
    """
    table = cohort.table(["image_id", "split"], copies=False)
    ids, splits = table["image_id"].to_pylist(), table["split"].to_pylist()
    groups = np.array(cohort_groups(cohort))
    chosen: list[str] = []
    for split in ("tune", "train"):
        places = np.flatnonzero(np.array(splits) == split)
        members: dict[int, list[int]] = {}
        for place in places:
            members.setdefault(int(groups[place]), []).append(int(place))
        order = np.random.default_rng((seed, len(chosen))).permutation(sorted(members))
        for group in order:
            if chosen and len(chosen) + len(members[int(group)]) > most:
                break
            chosen += [ids[place] for place in members[int(group)]]
    return sorted(chosen)


def _write_images(cohort: Cohort, out: Path, *, seed: int) -> Path:
    """The chosen rows of the cohort as a Parquet file of its own."""
    chosen = pa.array(choose_images(cohort, most=MOST_IMAGES, seed=seed))
    out.parent.mkdir(parents=True)
    writer: pq.ParquetWriter | None = None
    for part in cohort.parts:
        with pq.ParquetFile(part, pre_buffer=False) as file:
            for batch in file.iter_batches(batch_size=64):
                kept = batch.filter(pc.is_in(batch.column("image_id"), chosen))
                writer = writer or pq.ParquetWriter(out, kept.schema)
                if kept.num_rows:
                    writer.write_batch(kept)
    if writer is not None:
        writer.close()
    return out


def _read(
    network: bytes,
    work: Path,
    images: Path,
    draft: ManifestDraft,
    preprocess: bytes,
    engine: Engine,
) -> dict[str, tuple[list[float], float]]:
    """Scores and novelty by image_id, through a bundle as everything is read."""
    tiny = {"06-tiny.png": selftest_images()["06-tiny.png"]}
    plain = draft.model_copy(update={"small": None})
    bundle = pack(work / "bundle", draft=plain, preprocess=preprocess, network=network, selftest=tiny)
    readings = predict(bundle, [images], work / "readings.parquet", engine=engine).readings
    rows = pq.read_table(readings, columns=["image_id", "score", "novelty"]).to_pylist()
    return {row["image_id"]: (row["score"], row["novelty"]) for row in rows}


def _join(
    whole: Mapping[str, tuple[list[float], float]],
    small: Mapping[str, tuple[list[float], float]],
    cohort: Cohort,
) -> Both:
    table = cohort.table(["image_id", "split", "target"])
    known = dict(zip(table["image_id"].to_pylist(), table.to_pylist(), strict=True))
    ids = [one for one in whole if one in small]
    nothing = [np.nan] * len(cohort.classes)
    return Both(
        whole=np.array([whole[one][0] for one in ids], np.float64),
        small=np.array([small[one][0] for one in ids], np.float64),
        whole_novelty=np.array([whole[one][1] for one in ids], np.float64),
        small_novelty=np.array([small[one][1] for one in ids], np.float64),
        on_tune=np.array([known[one]["split"] == "tune" for one in ids], bool),
        targets=np.array([known[one]["target"] or nothing for one in ids], np.float64),
    )
