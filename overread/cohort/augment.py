"""A cohort with copies: train gets varied copies of images of rare classes, and nothing else changes."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from overread import __version__
from overread.cohort.augment_policy import choose_policy
from overread.cohort.card import Augmented, CohortCard
from overread.cohort.cohort import CARD, IMAGES, TEST_READS, Cohort
from overread.cohort.describe import count_classes
from overread.cohort.ingest_key import KEY_FILE as INGESTED
from overread.cohort.ingest_key import key_of
from overread.cohort.publish import TABLES, publish
from overread.cohort.schema import COPY_FIELDS, HASHED_COLUMNS, SPLITS, content_hash
from overread.cohort.upsample import Share, UpsamplingPlan, plan_upsampling
from overread.cohort.upsample_stage import UpsampleStage
from overread.cohort.write_images import PART_BYTES
from overread.engine import Engine, list_parts, write_atomically
from overread.engine.run_folder import RUN_FILE
from overread.errors import CohortError, UsageError
from overread.imaging.augment import Augmentation, Policy, Transform
from overread.progress import SILENT, Progress

KEY_FILE = "augment.json"
_WORK = ".work"


def augment(
    cohort: Cohort,
    out: Path,
    *,
    share: Share = "equal",
    policy: Literal["auto"] | Policy = "auto",
    transforms: Sequence[Transform] | None = None,
    strength: float = 1.0,
    seed: int = 0,
    engine: Engine,
    rows_per_part: int | None = None,
    progress: Progress = SILENT,
) -> Cohort:
    """Make a cohort in which every class of train has at least a wanted share, by copies of its images.

    Each copy is another variant of its origin. Which image gets how many, and what is done to each, follows
    from the images' ids, their labels and the seed: not from the order of images, how they are divided into
    parts, or the engine. Tune, test and the images of train stand in the new cohort as they were. An
    interrupted call goes on where it stopped, and returns at once where nothing has changed since.

    Args:
        cohort: Whose train is short of images; left as it is.
        out: Folder of the new cohort; an augmented cohort that stands there is replaced once this is whole.
        share: What each class of train shall have at least, 0..1, or "equal": as much as every other. See
            `plan_upsampling`, also for what several findings an image allow.
        policy: How far copies may differ, see `Augmentation`; "auto" looks at the images, "none" repeats the
            file.
        transforms: Which of "flip", "rotate", "scale" and "colour" are done; None: all that the policy knows.
        strength: Factor on how far copies differ.
        seed: Of who gets one more copy than others, and of what is done to copies.
        engine: Where copies are made.
        rows_per_part: Images a part of the new cohort, before copies; None: as many as make 32 MB, or a 32nd.
        progress: Who listens.

    Raises:
        UsageError: The policy does not know a transform, or a number is out of its range.
        CohortError: A class of train has no image or cannot have the share, the cohort has copies already,
            an image to copy is gone or changed, or `out` holds something else.
        EngineError: See `Engine.run`.
    """
    out = Path(out)
    if cohort.card.augmented is not None:
        raise CohortError(
            "has copies already",
            where=f"cohort '{cohort.card.name}'",
            todo="augment the cohort that it was made from",
        )
    _check_out(out, cohort)
    drawn = _augmentation(cohort, policy, transforms, strength=strength)
    plan = _plan(cohort, share=share, seed=seed)
    stage = UpsampleStage(plan, drawn)
    rows = rows_per_part or _rows_a_part(cohort, plan)
    key = _key(cohort, stage, share=share, rows=rows)
    if key_of(out, KEY_FILE) == key and (out / CARD).exists():
        try:
            made = Cohort.load(out)
        except CohortError as error:
            progress.note(f"the cohort is made again, since it is not whole: {error}")
        else:
            shutil.rmtree(out / _WORK, ignore_errors=True)
            return made
    work = out / _WORK
    if key_of(work, KEY_FILE) != key:
        shutil.rmtree(work, ignore_errors=True)
        _make_folder(work)
        write_atomically(work / KEY_FILE, _record(cohort, key))
    if not (work / CARD).exists():
        progress.note(f"{plan.total} copies of {len(plan.copies)} images of train, {drawn.policy}")
        if (work / IMAGES / RUN_FILE).exists() or not list_parts(work / IMAGES):
            engine.run(
                stage,
                cohort.parts,
                work / IMAGES,
                key=key,
                rows_per_part=rows,
                label="augmenting images",
                progress=progress,
            )
            (work / IMAGES / RUN_FILE).unlink()
        for name in TABLES:
            if (cohort.path / name).exists():
                write_atomically(work / name, (cohort.path / name).read_bytes())
        card = _card(cohort, _Asked(share, drawn, seed), plan, work / IMAGES)
        write_atomically(work / CARD, card.to_json().encode())
    publish(
        work,
        out,
        records={KEY_FILE: KEY_FILE},
        before_card=lambda: _carry_test_reads(cohort, work, out),
    )
    return Cohort.load(out)


@dataclass(frozen=True)
class _Asked:
    """What was asked for."""

    share: Share
    drawn: Augmentation
    seed: int


def _check_out(out: Path, cohort: Cohort) -> None:
    if out.exists() and not out.is_dir():
        raise CohortError("is a file, expected a folder", where=str(out), todo="name another folder")
    inside = out.resolve()
    if inside == cohort.path.resolve() or cohort.path.resolve() in inside.parents:
        raise CohortError(
            "the new cohort would stand in the one that it is made from",
            where=str(out),
            todo="name another folder",
        )
    ours = (out / KEY_FILE).exists() or (out / _WORK / KEY_FILE).exists()
    ours = ours and not (out / INGESTED).exists()
    if out.exists() and not ours and any(out.iterdir()):
        raise CohortError(
            "holds something that is no augmented cohort", where=str(out), todo="name another folder"
        )


def _augmentation(
    cohort: Cohort,
    policy: Literal["auto"] | Policy,
    transforms: Sequence[Transform] | None,
    *,
    strength: float,
) -> Augmentation:
    chosen = choose_policy(cohort) if policy == "auto" else policy
    try:
        return Augmentation(chosen, strength, transforms=None if transforms is None else tuple(transforms))
    except ValueError as error:
        seen = " (what the images look like)" if policy == "auto" else ""
        raise UsageError(
            f"{error}{seen}", where="augment", todo="name other transforms or another policy"
        ) from error


def _plan(cohort: Cohort, *, share: Share, seed: int) -> UpsamplingPlan:
    table = cohort.table(["image_id", "target", "split"])
    unknown = [np.nan] * len(cohort.classes)
    targets: NDArray[np.float64] = np.array(
        [target if target is not None else unknown for target in table["target"].to_pylist()], np.float64
    )
    return plan_upsampling(
        table["image_id"].to_pylist(),
        targets,
        table["split"].to_pylist(),
        task=cohort.task,
        share=share,
        seed=seed,
    )


def _rows_a_part(cohort: Cohort, plan: UpsamplingPlan) -> int:
    """As many images as make a part of `PART_BYTES` with their copies, or a 32nd: so that work can be shared.

    The same ones on every engine.
    """
    images = cohort.card.images
    mean = (pc.mean(cohort.measurements()["file_bytes"]).as_py() or 1.0) * (images + plan.total) / images
    return int(np.clip(min(PART_BYTES / max(mean, 1.0), images / 32), 16, 4096))


def _key(cohort: Cohort, stage: UpsampleStage, *, share: Share, rows: int) -> str:
    """Changes when an image, its place, its label or what is asked for does."""
    said = [__version__, cohort.card.to_json(), stage.key, share, rows]
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
    for uri in cohort.table(["uri"])["uri"].to_pylist():
        digest.update(uri.encode("utf-8", "surrogateescape") + b"\0")
    return digest.hexdigest()


def _record(cohort: Cohort, key: str) -> bytes:
    return (json.dumps({"key": key, "cohort": str(cohort.path.absolute())}) + "\n").encode()


def _make_folder(work: Path) -> None:
    try:
        work.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CohortError(
            f"could not be made: {error.strerror}",
            where=str(work),
            todo="name a folder that can be written to",
        ) from error


def _card(cohort: Cohort, asked: _Asked, plan: UpsamplingPlan, images: Path) -> CohortCard:
    """What the new cohort comes to, counted from what was written."""
    before = cohort.card
    columns = [*HASHED_COLUMNS, *(field.name for field in COPY_FIELDS)]
    parts = [pq.ParquetFile(part) for part in list_parts(images)]
    rows = pa.concat_tables(part.read(columns=columns).replace_schema_metadata(None) for part in parts)
    counts, split_counts = {}, {}
    for split in SPLITS:
        of_split = rows.filter(pc.equal(rows["split"], split))
        counts[split] = dict(count_classes(of_split, before.classes, before.negative))
        split_counts[split] = of_split.num_rows
    names = before.classes
    if before.task == "binary":
        names = (names[0], before.negative or f"no {names[0]}")
    augmented = Augmented(
        cohort_hash=before.content_hash,
        originals=before.images,
        copies=rows.num_rows - before.images,
        share=asked.share,
        policy=asked.drawn.policy,
        strength=asked.drawn.strength,
        transforms=asked.drawn.transforms,
        seed=asked.seed,
        before=dict(zip(names, plan.before, strict=True)),
        after=dict(zip(names, plan.after, strict=True)),
        train=before.counts["train"],
    )
    return before.model_copy(
        update={
            "images": rows.num_rows,
            "counts": counts,
            "split_counts": split_counts,
            "content_hash": content_hash(rows),
            "augmented": augmented,
        }
    )


def _carry_test_reads(cohort: Cohort, work: Path, out: Path) -> None:
    """The test split is the same one, and was read as often as it was."""
    path = out / TEST_READS
    now = json.loads((work / CARD).read_text("utf-8"))["content_hash"]
    there = path.read_bytes() if path.exists() else b""
    read = [json.dumps({**one, "content_hash": now}).encode() + b"\n" for one in cohort.test_reads()]
    missing = b"".join(line for line in read if line not in there)
    if missing:
        write_atomically(path, there + missing)
