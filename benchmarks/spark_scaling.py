"""How featurising scales on a Spark cluster: measured on yours, and simulated for larger ones.

    python benchmarks/spark_scaling.py --master spark://HOST:7077 --source /mnt/cohort --folder /mnt/scratch \
        --executors 1,2,4 --plot scaling.png

Each number of executors has a session of its own. Counters inside the stage say what each part of the work
takes; the clock starts once every Java machine and every worker is warm. `--folder` must lie where all
machines see it under the same path, as the source must. `--simulate` puts what was measured into
`cluster_model.py` and asks what other clusters would do.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from cluster_model import Cluster, Work, simulate
from rich.console import Console
from rich.table import Table
from runner import add_image_arguments, contend, default_weights, prepare_images
from timed_stage import PARTS
from timing import WARM
from told import tell

STORAGE = {"1 Gb/s": 110.0, "10 Gb/s": 1100.0, "scales along": float("inf")}
"""What storage gives to all executors together, MB/s."""
COHORT_MB = 33.6
"""Of a part of a cohort (`overread.cohort.write_images.PART_BYTES`)."""
ROUND_TRIP_S = 0.001
"""Said, not measured: what a shared disk takes to answer about a file."""


def main() -> None:
    asked = _arguments()
    if asked.measured:
        found = json.loads(asked.measured.read_text("utf-8"))
    else:
        with tempfile.TemporaryDirectory(prefix="overread-bench-", dir=asked.folder) as folder:
            found = measure(asked, Path(folder))
    if asked.simulate:
        found["simulated"] = simulated(found, asked)
        found["troubles"] = troubles(found, asked)
    if asked.plot:
        plot(found, asked.plot)
    tell(found, show, as_json=asked.json)


def measure(asked: argparse.Namespace, work: Path) -> dict[str, Any]:
    """One pass a number of executors, and what the driver pays for a task, a file and a part."""
    source, named = source_of(asked, work)
    with pq.ParquetFile(source[0]) as file:
        few = next(file.iter_batches(WARM, columns=["image_id", "uri", "content"]))
    pq.write_table(pa.Table.from_batches([few]), work / "warm.parquet", row_group_size=8)
    address = asked.source if asked.source and "://" in asked.source else None
    weights = asked.weights or default_weights(asked.backbone)
    options = {"image_size": asked.image_size, "backbone": asked.backbone, "weights": weights}
    network = contend("contenders.py", work, "export", options)
    runs: dict[str, dict[str, Any]] = {}
    for executors in asked.executors:
        master, conf = size_of(asked, executors)
        said = {"master": master, "conf": {**conf, **dict(asked.conf)}, "cores": executors * asked.cores}
        said |= {"source": [str(one) for one in source], "rows_per_part": asked.rows_per_part}
        said |= {"address": address}
        runs[str(executors)] = contend("scaling_contenders.py", work, f"on-{executors}", said)
        if not asked.json:
            rate = runs[str(executors)]["images_per_second"]
            Console(stderr=True).print(f"[dim]{executors} executors: {rate:.1f} images/s[/]", highlight=False)
    driver = contend("scaling_contenders.py", work, "calibrate", {"many": asked.many})
    least = str(min(asked.executors))
    for executors, run in runs.items():
        share = int(executors) / int(least)
        run["efficiency"] = run["images_per_second"] / (share * runs[least]["images_per_second"])
    found = {
        "master": asked.master or "local",
        "source": named,
        "network": network,
        "cores_per_executor": asked.cores,
        "cores_here": len(os.sched_getaffinity(0)),
        "rows_per_part": asked.rows_per_part,
        "executors": runs,
        "driver": driver,
    }
    found["model"] = {executors: predicted(found, int(executors)) for executors in runs}
    return found


def source_of(asked: argparse.Namespace, work: Path) -> tuple[list[Path], str]:
    """The Parquet files to read, and what they are: the source as it is, or images taken in just now.

    A source that only Spark's file systems hold is read by Spark: these images warm the workers then.
    """
    from overread.bundle.inputs import list_inputs
    from overread.engine import list_parts

    if asked.source is None or "://" in asked.source:
        named = prepare_images(asked.images, asked.count, work)
        return [work / "images.parquet"], asked.source or named
    source = Path(asked.source).absolute()
    if (source / "cohort.json").is_file():
        return list_parts(source / "images"), str(source)
    if source.is_dir() and (parts := list_parts(source)):
        return parts, str(source)
    return list_parts(list_inputs([source], work / "inputs")), str(source)


def size_of(asked: argparse.Namespace, executors: int) -> tuple[str, dict[str, str]]:
    """Master and settings of a session with so many executors."""
    cores = executors * asked.cores
    if asked.master is None or asked.master.startswith("local"):
        return f"local[{cores}]", {}
    each = {"spark.executor.cores": str(asked.cores)}
    if asked.master.startswith("spark://"):
        return asked.master, {**each, "spark.cores.max": str(cores)}
    return asked.master, {**each, "spark.executor.instances": str(executors)}


def predicted(found: dict[str, Any], executors: int) -> dict[str, float]:
    """What the model says of a pass that was measured, from the pass on the fewest executors."""
    base = found["executors"][min(found["executors"], key=int)]
    work = work_of(found, images=base["images"], rows=found["rows_per_part"])
    # The session stood and the workers were warm when the clock started; one source file.
    cluster = Cluster(executors, found["cores_per_executor"], session_s=0.0, worker_s=0.0, **paid(found))
    outcome = simulate(work, cluster)
    measured = found["executors"][str(executors)]["seconds"]
    return {"seconds": outcome.seconds, "measured": measured, "over_measured": outcome.seconds / measured}


def work_of(found: dict[str, Any], *, images: int, rows: int = 64, **more: Any) -> Work:
    """The measured cost of an image, for so many of them."""
    base = found["executors"][min(found["executors"], key=int)]
    seconds = {part: base["parts"][part]["cpu_ms"] / 1000 for part in PARTS}
    seconds["Spark"] = max(0.0, (base["overhead_cpu_ms"] or 0.0) / 1000)
    return Work(images, base["megabytes"], seconds, spread=base["spread"], rows_per_part=rows, **more)


def paid(found: dict[str, Any]) -> dict[str, float]:
    """What the driver pays, as arguments of `Cluster`."""
    return {name: found["driver"][name] for name in ("file_s", "part_s", "task_s", "handover_s")}


def simulated(found: dict[str, Any], asked: argparse.Namespace) -> list[dict[str, Any]]:
    """What larger clusters would do with a whole cohort, by storage."""
    session = max(run["session_seconds"] for run in found["executors"].values())
    files = -(-asked.images_simulated * work_of(found, images=1).megabytes // COHORT_MB)
    rows = []
    for executors in asked.simulate:
        for storage, rate in STORAGE.items():
            work = work_of(found, images=asked.images_simulated, source_files=int(files))
            cluster = Cluster(
                executors, asked.cores_simulated, session_s=session, storage_mb_s=rate, **paid(found)
            )
            said = dataclasses.asdict(simulate(work, cluster))
            rows.append({"executors": executors, "cores": asked.cores_simulated, "storage": storage, **said})
    return rows


def troubles(found: dict[str, Any], asked: argparse.Namespace) -> list[dict[str, Any]]:
    """What goes wrong at the largest size but one, by how much, and what it costs once it is mended."""
    images, cores = asked.images_simulated, asked.cores_simulated
    executors = sorted(asked.simulate)[-2 if len(asked.simulate) > 1 else -1]
    files = int(-(-images * work_of(found, images=1).megabytes // COHORT_MB))
    session = max(run["session_seconds"] for run in found["executors"].values())
    costs = paid(found)
    cluster = Cluster(executors, cores, session_s=session, **costs)
    good = work_of(found, images=images, source_files=files)
    asks_s = costs["file_s"] + ROUND_TRIP_S  # a footer, or a name, on a shared disk
    shared = dataclasses.replace(cluster, open_s=3 * ROUND_TRIP_S, file_s=asks_s)
    listed = dataclasses.replace(shared, file_s=found["driver"]["listed_s"] + ROUND_TRIP_S)
    single = dataclasses.replace(good, source_files=images, opens_an_image=1.0)
    parts = dataclasses.replace(good, source_files=100_000)
    slow = dataclasses.replace(cluster, slow_share=1 / executors, slow_factor=4.0)
    pairs = {
        "one file an image, listed by the driver": ((single, listed), (good, shared)),
        "100,000 small Parquet parts": ((parts, shared), (good, shared)),
        "8 images a part": ((dataclasses.replace(good, rows_per_part=8), cluster), (good, cluster)),
        "64 images a part": ((good, cluster), (dataclasses.replace(good, rows_per_part=256), cluster)),
        "one executor takes four times as long": ((good, slow), (good, cluster)),
    }
    return [
        {
            "trouble": name,
            "executors": executors,
            "seconds": simulate(*bad).seconds,
            "mended_seconds": simulate(*mended).seconds,
            "driver_seconds": sum(simulate(*bad).phases[one] for one in ("plan", "collect")),
        }
        for name, (bad, mended) in pairs.items()
    ]


def show(found: dict[str, Any]) -> None:
    """The tables for a person."""
    console = Console(width=110, highlight=False)
    network = found["network"]
    console.print(
        f"{found['source']} on {found['master']}, {network['backbone']} at {network['size']} px, "
        f"{found['rows_per_part']} images a part"
    )
    table = Table(box=None, pad_edge=False)
    for name in (
        "executors",
        "images/s",
        "efficiency",
        "workers",
        "driver s",
        "tail s",
        "session s",
        "model",
    ):
        table.add_column(name, justify="right")
    for executors, run in found["executors"].items():
        table.add_row(
            executors,
            f"{run['images_per_second']:.1f}",
            f"{run['efficiency']:.2f}",
            str(run["cores"]),
            *(f"{run[name]:.2f}" for name in ("driver_seconds", "tail_seconds", "session_seconds")),
            f"{found['model'][executors]['over_measured']:.2f} ×",
        )
    console.print(table)
    costs = Table(box=None, pad_edge=False)
    costs.add_column("ms an image (CPU / passed)")
    for executors in found["executors"]:
        costs.add_column(f"{executors} executors", justify="right")
    for part in PARTS:
        shares = (run["parts"][part] for run in found["executors"].values())
        costs.add_row(part, *(f"{one['cpu_ms']:.2f} / {one['wall_ms']:.2f}" for one in shares))
    extra = [run["overhead_cpu_ms"] for run in found["executors"].values()]
    costs.add_row("Spark and driver", *("not seen" if one is None else f"{one:.2f}" for one in extra))
    console.print(costs)
    paid_for = (f"{name.removesuffix('_s')} {1000 * value:.2f}" for name, value in found["driver"].items())
    console.print(f"the driver pays, ms each: {', '.join(paid_for)}")
    if "simulated" in found:
        show_simulated(console, found["simulated"])
        for one in found["troubles"]:
            console.print(
                f"{one['executors']} executors, {one['trouble']}: {one['seconds']:.0f} s (driver alone "
                f"{one['driver_seconds']:.0f}), mended {one['mended_seconds']:.0f}"
            )


def show_simulated(console: Console, rows: list[dict[str, Any]]) -> None:
    """What other clusters would do."""
    table = Table(box=None, pad_edge=False)
    for name in ("executors × cores", "storage", "minutes", "images/s", "efficiency", "bound by"):
        table.add_column(name, justify="left" if name in ("storage", "bound by") else "right")
    for row in rows:
        table.add_row(
            f"{row['executors']} × {row['cores']}",
            row["storage"],
            f"{row['seconds'] / 60:.1f}",
            f"{row['images_per_second']:,.0f}",
            f"{row['efficiency']:.2f}",
            row["bound"],
        )
    console.print(table)


def plot(found: dict[str, Any], path: Path) -> None:
    """Measured rates beside the model and the ideal; simulated ones by storage."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    panels = 2 if "simulated" in found else 1
    figure, axes = plt.subplots(1, panels, figsize=(5.2 * panels, 4), squeeze=False, layout="constrained")
    measured = {int(one): run["images_per_second"] for one, run in found["executors"].items()}
    counts = sorted(measured)
    least, model = counts[0], {int(one): said["seconds"] for one, said in found["model"].items()}
    axis = axes[0][0]
    axis.plot(counts, [measured[least] * one / least for one in counts], ":", color="0.5", label="ideal")
    images = found["executors"][str(least)]["images"]
    axis.plot(counts, [images / model[one] for one in counts], "x--", color="C1", label="model")
    axis.plot(counts, [measured[one] for one in counts], "o-", color="C0", label="measured")
    axis.set(xlabel="executors", ylabel="images per second", xticks=counts, title="measured", ylim=(0, None))
    axis.legend()
    if panels == 2:
        axis = axes[0][1]
        for at, storage in enumerate(STORAGE):
            rows = [row for row in found["simulated"] if row["storage"] == storage]
            cores = [row["executors"] * row["cores"] for row in rows]
            axis.plot(cores, [row["seconds"] / 60 for row in rows], "o-", color=f"C{at}", label=storage)
        axis.set(xscale="log", yscale="log", xlabel="cores", ylabel="minutes", title="simulated, by storage")
        axis.legend()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_image_arguments(parser)
    parser.add_argument("--master", help="spark://HOST:PORT, yarn, k8s://…; default: this machine")
    parser.add_argument(
        "--source", help="cohort, Parquet, folder of images, or hdfs://… of images; default: --images"
    )
    parser.add_argument("--folder", type=Path, help="for what is written; must be seen by all machines")
    parser.add_argument("--count", type=int, default=1000, help="images where no source is named")
    parser.add_argument("--executors", type=_numbers, default=[1, 2], help="as 1,2,4")
    parser.add_argument("--cores", type=int, default=1, help="of an executor")
    parser.add_argument("--conf", type=_setting, action="append", default=[], help="KEY=VALUE of Spark")
    parser.add_argument("--rows-per-part", type=int, default=64)
    parser.add_argument("--many", type=int, default=1000, help="of how many the driver's costs are a mean")
    parser.add_argument("--measured", type=Path, help="take the figures of an earlier --json instead")
    parser.add_argument("--simulate", type=_numbers, nargs="?", const=[1, 4, 32, 256], default=[])
    parser.add_argument("--images-simulated", type=int, default=112_120)
    parser.add_argument("--cores-simulated", type=int, default=4, help="of a simulated executor")
    parser.add_argument("--plot", type=Path, help="PNG to write")
    return parser.parse_args()


def _numbers(said: str) -> list[int]:
    return sorted(int(one) for one in said.split(","))


def _setting(said: str) -> tuple[str, str]:
    name, _, value = said.partition("=")
    return name, value


if __name__ == "__main__":
    main()
