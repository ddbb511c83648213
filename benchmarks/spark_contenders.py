"""The contenders of spark_featurize.py: each alone in a process of its own, on the same images and weights.

`python spark_contenders.py WORK NAME [OPTIONS as JSON]` prints one JSON object. Clocks are those of the whole
process tree: driver, Java machine and Python workers. Nothing heavy is imported at the top, since the workers
that a contender starts import this file again.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from process_tree import cpu_seconds
from timing import FIRST, WARM, Moment, Pass, fastest, race, timed
from usual_way import PLAIN, TUNED, features_job

HEAP = "2g"


def main() -> None:
    work, name = Path(sys.argv[1]), sys.argv[2]
    options = json.loads(sys.argv[3]) if len(sys.argv) > 3 else {}
    kind, _, rest = name.partition("-")
    if kind == "local":
        found = local(work, name, options, workers=int(rest))
    elif kind == "spark":
        found = on_spark(work, name, options, cores=int(rest))
    else:
        found = usual(work, name, options, tuned=rest == "tuned")
    print(json.dumps(found))


def clock() -> Moment:
    """Where the clocks of the whole process tree stand."""
    return Moment(time.perf_counter(), cpu_seconds())


def table_of(work: Path, count: int) -> Path:
    """The Parquet file that holds so many of the images."""
    return work / {FIRST: "first.parquet", WARM: "warm.parquet"}.get(count, "images.parquet")


def local(work: Path, name: str, options: dict[str, Any], *, workers: int) -> dict[str, Any]:
    """FeaturizeStage on LocalEngine."""
    from overread.engine import LocalEngine

    run = ours(work, name, LocalEngine(workers))
    found = race(run, options["count"], out=work / f"{name}.npy", clock=clock, warm=WARM)
    return {**found, "session_seconds": None}


def on_spark(work: Path, name: str, options: dict[str, Any], *, cores: int) -> dict[str, Any]:
    """The same stage, from the same table, on SparkEngine."""
    from overread.engine import open_engine

    begun = time.perf_counter()
    with open_engine("spark", master=f"local[{cores}]", conf=options.get("conf", {})) as engine:
        started = time.perf_counter() - begun
        run = ours(work, name, engine)
        found = race(run, options["count"], out=work / f"{name}.npy", clock=clock, warm=WARM)
    return {**found, "session_seconds": started}


def ours(work: Path, name: str, engine: Any) -> Pass:
    """FeaturizeStage over Parquet that holds the encoded images."""
    import pyarrow.parquet as pq

    from overread.engine import list_parts
    from overread.training.features import NEEDED_COLUMNS, FeaturizeStage

    stage = FeaturizeStage((work / "preprocess.onnx").read_bytes(), (work / "network.onnx").read_bytes())
    fresh = itertools.count()

    def run(count: int) -> np.ndarray:
        # 64 is the engine's own; fewer only where there would be too few parts for the workers.
        rows = 1 if count == FIRST else min(64, max(1, count // 4))
        key = f"pass {next(fresh)}"  # another key: nothing of an earlier pass is taken
        engine.run(
            stage, table_of(work, count), work / name, key=key, columns=NEEDED_COLUMNS, rows_per_part=rows
        )
        table = pq.ParquetDataset(list_parts(work / name)).read()
        return table["features"].combine_chunks().flatten().to_numpy().reshape(len(table), -1)

    return run


def usual(work: Path, name: str, options: dict[str, Any], *, tuned: bool) -> dict[str, Any]:
    """The pandas UDF; where it is tuned, under the fastest of its settings, in the session that ours has."""
    begun = time.perf_counter()
    with _session(options["cores"], ours_too=tuned) as session:
        started = time.perf_counter() - begun
        said = PLAIN
        if tuned:
            said = options.get("tuning") or _searched(session, work)
        run = _read_back(features_job(session, work, said))
        found = race(run, options["count"], out=work / f"{name}.npy", clock=clock, warm=WARM)
    return {**found, "session_seconds": started, "tuning": said}


def _searched(session: Any, work: Path) -> dict[str, Any]:
    """The setting with the fewest seconds; each is tried twice, as the first round warms Java up for all."""
    runs = [(_read_back(features_job(session, work, said)), said) for said in TUNED]
    for run, _ in runs:
        run(WARM)
    return fastest(TUNED, lambda said: timed(next(run for run, one in runs if one is said), WARM)[0])


def _read_back(job: Any) -> Pass:
    import pyarrow.parquet as pq

    def run(count: int) -> np.ndarray:
        table = pq.read_table(job(count)).sort_by("image_id")
        return table["features"].combine_chunks().flatten().to_numpy().reshape(len(table), -1)

    return run


@contextmanager
def _session(cores: int, *, ours_too: bool) -> Iterator[Any]:
    """Spark as it comes, or as Overread sets it up."""
    # Workers import what the UDF refers to from beside this file.
    os.environ["PYTHONPATH"] = os.pathsep.join(
        filter(None, [str(Path(__file__).parent), os.environ.get("PYTHONPATH")])
    )
    if ours_too:
        from overread.engine.spark.session import open_session

        with open_session(f"local[{cores}]", conf={"spark.driver.memory": HEAP}) as session:
            yield session
        return
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    build = SparkSession.builder.master(f"local[{cores}]").appName("usual way")
    for name, value in {"memory": HEAP, "bindAddress": "127.0.0.1", "host": "127.0.0.1"}.items():
        build = build.config(f"spark.driver.{name}", value)
    for name in ("spark.ui.enabled", "spark.ui.showConsoleProgress"):
        build = build.config(name, "false")
    session = build.getOrCreate()
    try:
        yield session
    finally:
        session.stop()


if __name__ == "__main__":
    main()
