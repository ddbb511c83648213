"""What spark_scaling.py runs in processes of their own: a pass on so many cores, and what a driver pays.

`python scaling_contenders.py WORK NAME [OPTIONS as JSON]` prints one JSON object.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import timed_stage
from process_tree import cpu_seconds
from timing import WARM


def main() -> None:
    work, name = Path(sys.argv[1]), sys.argv[2]
    options = json.loads(sys.argv[3]) if len(sys.argv) > 3 else {}
    found = calibrate(work, options) if name == "calibrate" else scale(work, name, options)
    print(json.dumps(found))


def scale(work: Path, name: str, options: dict[str, Any]) -> dict[str, Any]:
    """One pass over a source on a cluster of a given size, with counters inside the stage.

    Args:
        work: A folder that all machines see: the graphs, `warm.parquet`, and the parts that are made.
        name: Of this pass.
        options: master, conf, cores, rows_per_part, and source: Parquet files or folders that all machines
            see; or `address`: a folder of images that Spark's file systems hold.
    """
    from overread.engine import open_engine
    from overread.training.features import NEEDED_COLUMNS

    graphs = ((work / f"{one}.onnx").read_bytes() for one in ("preprocess", "network"))
    stage = timed_stage.TimedFeaturizeStage(*graphs)
    out, warm = work / name, work / f"{name}-warm"
    begun = time.perf_counter()
    with open_engine("spark", master=options["master"], conf=options["conf"]) as engine:
        engine.session.sparkContext.addPyFile(timed_stage.__file__)  # type: ignore[attr-defined]
        session = time.perf_counter() - begun
        columns, share = NEEDED_COLUMNS, max(1, WARM // (4 * options["cores"]))
        engine.run(stage, work / "warm.parquet", warm, key="warm", columns=columns, rows_per_part=share)
        start, spent = time.perf_counter(), cpu_seconds()
        if options.get("address"):
            slices = _through_spark(engine, stage, options["address"])
        else:
            source, rows = [Path(one) for one in options["source"]], options["rows_per_part"]
            engine.run(stage, source, out, key=name, columns=columns, rows_per_part=rows)
            slices = timed_stage.counters_of(out)
        seconds, spent = time.perf_counter() - start, cpu_seconds() - spent
    found = timed_stage.summary(slices, seconds=seconds)
    # Workers of a cluster are no children of this process.
    local = options["master"].startswith("local")
    counted = sum(part["cpu_ms"] for part in found["parts"].values())
    tree = 1000 * spent / found["images"]
    return {
        **found,
        "session_seconds": session,
        "cpu_ms_per_image": tree if local else None,
        "overhead_cpu_ms": tree - counted if local else None,
    }


def _through_spark(engine: Any, stage: Any, address: str) -> list[list[dict[str, Any]]]:
    """Images that Spark reads and hands to Python; the counters of each task. Nothing is written."""
    files = engine.session.read.format("binaryFile").option("recursiveFileLookup", "true").load(address)
    frame = files.selectExpr("path AS image_id", "path AS uri", "content")
    tasks: dict[int, list[dict[str, Any]]] = {}
    for row in engine.apply(stage, frame).where("spent IS NOT NULL").select("spent").collect():
        tasks.setdefault(row["spent"]["task"], []).append(row["spent"].asDict())
    return list(tasks.values())


def calibrate(work: Path, options: dict[str, Any]) -> dict[str, float]:
    """Seconds that a driver pays for a footer, for a part to take in, for a name to list, and for a task.

    Args:
        work: A folder where the storage is that is meant.
        options: many: of how many each is the mean; master: of Spark, one core of this machine by itself.
    """
    from overread.bundle.inputs import list_inputs
    from overread.engine import list_parts, open_engine, write_table
    from overread.engine.parts import part_name
    from overread.engine.slices import plan_slices

    many, footers, names, parts = options["many"], work / "footers", work / "names", work / "parts"
    table = pa.table({"image_id": ["one"], "uri": ["one.jpg"], "content": pa.array([None], pa.binary())})
    for folder in (footers, names, parts):
        folder.mkdir()
    values = np.random.default_rng(0).random((64, 1280), np.float32)
    features = pa.table({"image_id": list(map(str, range(64))), "features": list(values)})
    few = max(1, many // 10)
    for at in range(few):
        write_table(parts / part_name(at), features)
    for at in range(many):
        write_table(footers / part_name(at), table)
        (names / f"{at:06d}.jpg").write_bytes(b"")
    found: dict[str, float] = {}

    def note(name: str, count: int, what: Callable[[], object]) -> None:
        what()
        start = time.perf_counter()
        what()
        found[name] = (time.perf_counter() - start) / count

    note("file_s", many, lambda: plan_slices(footers, rows_per_part=64, columns=None))
    note("part_s", few, lambda: pq.ParquetDataset(list_parts(parts)).read())
    note("listed_s", many, lambda: list_inputs([names], work / "listed"))
    with open_engine("spark", master=options.get("master", "local[1]"), conf={}) as engine:
        session = engine.session  # type: ignore[attr-defined]
        empty = session.range(0, many, 1, many)
        note("task_s", many, lambda: empty.write.format("noop").mode("overwrite").save())
        note("handover_s", 64, lambda: session.range(0, 64, 1, 64).mapInArrow(_same, "id long").collect())
    return found


def _same(batches: Iterator[Any]) -> Iterator[Any]:
    yield from batches


if __name__ == "__main__":
    main()
