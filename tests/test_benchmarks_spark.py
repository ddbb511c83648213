"""The benchmarks of Spark run on a handful of images and print what they promise; no time is judged."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from overread.bundle import pack
from overread.engine import Engine, LocalEngine, open_engine
from overread.errors import EngineError
from overread.imaging import Preprocess, preprocess_graph
from tests.bundle.conftest import SIZE, encode, make_draft, make_pixels, network_bytes

ROOT = Path(__file__).parents[1]
COUNT = 12
BENCHMARKS = ("cluster_model", "process_tree", "scaling_contenders", "spark_featurize", "spark_nih")
BENCHMARKS += ("spark_scaling", "timed_stage", "timing", "usual_way")


@pytest.fixture(scope="module")
def bench() -> Iterator[Namespace]:
    """The modules of benchmarks/, which import each other by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "benchmarks"))
        patch.setenv("OVERREAD_SHARED", "nowhere")
        yield Namespace(**{name: importlib.import_module(name) for name in BENCHMARKS})


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    pytest.importorskip("pyspark")
    conf = {"spark.driver.memory": "512m", "spark.sql.shuffle.partitions": 2}
    try:
        with open_engine("spark", master="local[2]", conf=conf) as opened:
            yield opened
    except EngineError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the contenders find: images twice, graphs, and the weights of a tiny network."""
    folder = tmp_path_factory.mktemp("work")
    (folder / "images").mkdir()
    contents = [encode(make_pixels(at), "JPEG") for at in range(COUNT)]
    for at, content in enumerate(contents):
        (folder / "images" / f"{at:06d}.jpg").write_bytes(content)
    names = [f"{at:06d}" for at in range(COUNT)]
    table = pa.table({"image_id": names, "uri": names, "content": pa.array(contents, pa.binary())})
    pq.write_table(table, folder / "images.parquet", row_group_size=4)
    pq.write_table(table.slice(0, 2), folder / "first.parquet")
    pq.write_table(table.slice(0, 4), folder / "warm.parquet", row_group_size=1)
    (folder / "preprocess.onnx").write_bytes(preprocess_graph(Preprocess(size=SIZE)))
    (folder / "network.onnx").write_bytes(network_bytes())
    return folder


@pytest.fixture(scope="module")
def torch_work(work: Path) -> Path:
    import timm
    from safetensors.torch import save_file

    model = timm.create_model("test_efficientnet", pretrained=False, num_classes=0)
    save_file(model.state_dict(), work / "model.safetensors")
    spec = {"backbone": "test_efficientnet", "size": 64, "mean": [0.5] * 3, "std": [0.25] * 3}
    (work / "spec.json").write_text(json.dumps(spec))
    return work


@pytest.mark.spark
def test_a_pass_on_so_many_cores_says_what_each_part_took(
    bench: Namespace, engine: Engine, work: Path
) -> None:
    options = {"master": "local[2]", "conf": {}, "cores": 2, "rows_per_part": 3}
    options |= {"source": [str(work / "images.parquet")]}
    found = bench.scaling_contenders.scale(work, "on-2", options)
    assert found["images"] == COUNT
    assert found["slices"] == 4
    assert 1 <= found["cores"] <= 2
    assert set(found["parts"]) == set(bench.timed_stage.PARTS)
    for part in ("read", "decode", "preprocess", "network"):
        assert found["parts"][part]["cpu_ms"] > 0
        assert found["parts"][part]["wall_ms"] > 0
    size = pq.read_table(work / "images.parquet")["content"]
    assert found["megabytes"] == pytest.approx(sum(len(one.as_py()) for one in size) / COUNT / 1e6)
    assert found["overhead_cpu_ms"] < found["cpu_ms_per_image"]
    stage = bench.timed_stage.TimedFeaturizeStage(
        (work / "preprocess.onnx").read_bytes(), (work / "network.onnx").read_bytes()
    )
    columns = ("image_id", "uri", "content")
    LocalEngine(1).run(
        stage, work / "images.parquet", work / "here", key="", columns=columns, rows_per_part=3
    )
    for at in range(4):
        here, there = (
            pq.read_table(work / name / f"part-{at:05d}.parquet")["features"] for name in ("here", "on-2")
        )
        assert here.equals(there)


@pytest.mark.spark
def test_images_that_only_sparks_file_systems_hold_are_counted_too(
    bench: Namespace, engine: Engine, work: Path
) -> None:
    address = (work / "images").as_uri().replace("file:///", "file:/")
    slices = bench.scaling_contenders._through_spark(
        engine,
        bench.timed_stage.TimedFeaturizeStage(
            (work / "preprocess.onnx").read_bytes(), (work / "network.onnx").read_bytes()
        ),
        address,
    )
    assert bench.timed_stage.summary(slices, seconds=1.0)["images"] == COUNT


@pytest.mark.spark
def test_pysparks_collector_looks_at_what_a_worker_has_opened_once_and_not_behind_every_task(
    engine: Any,
) -> None:
    from overread.engine.spark.payload import Carried
    from overread.training.features import ResizeStage

    carried = Carried.by(engine.session.sparkContext, ResizeStage(b"of this test alone"))

    def opened_three_times(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import gc

        frozen = []
        for _ in range(3):
            carried.opened()
            frozen.append(gc.get_freeze_count())
        for _ in batches:
            yield pa.RecordBatch.from_pydict({"frozen": frozen})

    frame = engine.session.range(0, 1, 1, 1).mapInArrow(opened_three_times, "frozen long")
    first, second, third = (row["frozen"] for row in frame.collect())
    # Nothing is imported before the first slice has run; later garbage must not be kept for good.
    assert first < second
    assert third == second


@pytest.mark.spark
def test_the_usual_way_gives_features_on_spark_and_tuning_changes_its_speed_alone(
    bench: Namespace, engine: Any, torch_work: Path
) -> None:
    from safetensors.torch import load_file

    usual_way = bench.usual_way
    said = next(one for one in usual_way.TUNED if one["split"] == "parquet")
    engine.session.sparkContext.addPyFile(usual_way.__file__)
    engine.session.sparkContext.addPyFile(bench.timing.__file__)
    folder = usual_way.features_job(engine.session, torch_work, said)(COUNT)
    on_spark = np.stack(pq.read_table(folder).sort_by("image_id")["features"].to_numpy())
    import timm

    spec = json.loads((torch_work / "spec.json").read_text())
    contents = [path.read_bytes() for path in sorted((torch_work / "images").iterdir())]
    rows = []
    for build, how in (
        (usual_way.tuned_features, said),
        (usual_way.plain_features, usual_way.PLAIN),
    ):
        model = timm.create_model(spec["backbone"], pretrained=False, num_classes=0)
        model.load_state_dict(load_file(torch_work / "model.safetensors"))
        rows.append(np.concatenate(list(build(model.eval(), spec, how)(contents))))
    np.testing.assert_allclose(on_spark, rows[0], atol=1e-5)
    gap = bench.spark_featurize.deviation(rows[0], rows[1])
    assert gap["lowest_cosine"] > 0.999


@pytest.mark.spark
def test_rows_of_nih_reconcile_with_what_was_made_and_damaged(
    bench: Namespace, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nih = bench.spark_nih
    monkeypatch.setattr(nih, "SHARED", tmp_path / "nowhere")
    monkeypatch.setattr(nih, "_EVERY", 5)
    header, rows = nih.table_rows(60)
    made = nih.make_source(tmp_path / "source", header, rows, side=32)
    later = nih.make_later(tmp_path / "later", 12, side=32)
    assert made == {"files": 60, "damaged": 12}
    assert later == {"files": 12, "damaged": 2}
    preprocess = preprocess_graph(Preprocess(size=SIZE))
    pack(tmp_path / "bundle", draft=make_draft(), preprocess=preprocess, network=network_bytes())
    # Neither reading nor writing the cohort may pass through the driver alone.
    monkeypatch.setattr(LocalEngine, "run", lambda *_, **__: pytest.fail("the driver did a worker's work"))
    found = nih.run(tmp_path, master="local[2]", near_duplicates=False)
    told = nih.judged(found, made, later)
    assert told["reconciles"], (told["ingest"], told["predict"], told["expected"])
    assert told["predict"]["read"] == 48 + 10
    assert 0 < found["peak_mib"]["java"] < found["peak_mib"]["together"]
    assert told["within_limit"] == (found["peak_mib"]["together"] <= 4096)
    nih.plot({**told, "rows": 60, "master": "local[2]"}, tmp_path / "memory.png")
    assert (tmp_path / "memory.png").read_bytes().startswith(b"\x89PNG")
    lost = {**found, "predict": {**found["predict"], "read": found["predict"]["read"] - 1}}
    assert not nih.judged(lost, made, later)["reconciles"]
    assert not nih.judged({**found, "distinct_readings": 57}, made, later)["reconciles"]


def test_an_image_of_nih_depends_on_its_name_alone_and_is_like_no_other(bench: Namespace) -> None:
    picture = bench.spark_nih.picture
    assert picture("00000001_000.png", side=32) == picture("00000001_000.png", side=32)
    assert picture("00000001_000.png", side=32) != picture("00000001_001.png", side=32)


def test_the_process_tree_counts_children_that_run_and_children_that_ended(bench: Namespace) -> None:
    tree = bench.process_tree
    burn = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass\n"
    before = tree.cpu_seconds()
    wait = "print('burnt', flush=True)\ninput()"
    running = subprocess.Popen(
        [sys.executable, "-c", burn + wait], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert running.stdout is not None
    assert running.stdout.readline() == "burnt\n"
    assert running.pid in tree.descendants(os.getpid())
    during = tree.cpu_seconds()
    assert during - before >= 0.28
    assert tree.memory_mib()["workers"] > 1
    running.communicate("\n")
    assert tree.cpu_seconds() >= during


def test_the_memory_of_all_together_is_that_of_one_moment(bench: Namespace) -> None:
    watch = bench.process_tree.MemoryWatch()
    watch.samples = [
        (0.0, {"driver": 10.0, "java": 100.0, "workers": 0.0}),
        (1.0, {"driver": 90.0, "java": 10.0, "workers": 5.0}),
    ]
    assert watch.peak() == {"driver": 90.0, "java": 100.0, "workers": 5.0, "together": 110.0}


@pytest.fixture
def free(bench: Namespace) -> Any:
    """A cluster that costs nothing but the work itself."""
    nothing = dict.fromkeys(("session_s", "worker_s", "task_s", "handover_s", "file_s", "part_s"), 0.0)

    def make(executors: int, **more: Any) -> Any:
        return bench.cluster_model.Cluster(executors, broadcast_mb=0.0, **{**nothing, **more})

    return make


def test_one_core_takes_as_long_as_the_work(bench: Namespace, free: Any) -> None:
    work = bench.cluster_model.Work(1000, 0.0, {"network": 0.01, "decode": 0.005}, spread=0.0)
    outcome = bench.cluster_model.simulate(work, free(1))
    assert outcome.seconds == pytest.approx(15.0)
    assert outcome.efficiency == pytest.approx(1.0)


def test_more_executors_are_faster_until_storage_gives_no_more(bench: Namespace, free: Any) -> None:
    work = bench.cluster_model.Work(100_000, 0.5, {"network": 0.01}, spread=0.0)
    seconds = [
        bench.cluster_model.simulate(work, free(count, storage_mb_s=200.0)).seconds for count in (1, 2, 32)
    ]
    assert seconds[0] == pytest.approx(100_000 * (0.01 + 0.5 / 1100), rel=1e-3)
    assert seconds[1] == pytest.approx(seconds[0] / 2, rel=0.02)
    # 50,000 MB through 200 MB/s, however many ask for them; the end is a little ragged.
    assert 250 <= seconds[2] < 275
    bound = bench.cluster_model.simulate(work, free(32, storage_mb_s=200.0)).bound
    assert bound == "storage"


def test_a_slow_executor_delays_the_end_and_small_tasks_limit_by_how_much(
    bench: Namespace, free: Any
) -> None:
    work = bench.cluster_model.Work(100_000, 0.0, {"network": 0.01}, spread=0.0)
    even = bench.cluster_model.simulate(work, free(8)).seconds
    slow = bench.cluster_model.simulate(work, free(8, slow_share=0.125, slow_factor=3.0)).seconds
    # Seven executors and a third of one: shared out perfectly, 8 / 7.33 as long.
    assert even * 8 / (7 + 1 / 3) <= slow < 1.25 * even


def test_a_driver_that_hands_out_slowly_limits_a_large_cluster(bench: Namespace, free: Any) -> None:
    work = bench.cluster_model.Work(64_000, 0.0, {"network": 0.001}, spread=0.0)
    outcome = bench.cluster_model.simulate(work, free(1000, task_s=0.05))
    assert outcome.phases["tasks"] == pytest.approx(1000 * 0.05, rel=0.05)
    assert outcome.bound == "driver"


def test_scaling_shows_plots_and_simulates_what_was_measured(
    bench: Namespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    part = {"cpu_ms": 2.0, "wall_ms": 2.5}
    run = {
        **{"images": 640, "seconds": 8.0, "images_per_second": 80.0, "cores": 1, "megabytes": 0.1},
        **{"parts": dict.fromkeys(bench.timed_stage.PARTS, part), "slices": 10, "spread": 0.1},
        **{"driver_seconds": 0.2, "tail_seconds": 0.0, "session_seconds": 5.0, "overhead_cpu_ms": 0.5},
        **{"efficiency": 1.0, "cpu_ms_per_image": 12.5},
    }
    found: dict[str, Any] = {
        "master": "local",
        "source": "made",
        "network": {"backbone": "tiny", "size": 32},
        "cores_per_executor": 1,
        "rows_per_part": 64,
        "executors": {"1": run, "2": {**run, "images_per_second": 150.0, "seconds": 4.3, "efficiency": 0.94}},
        "driver": {"file_s": 1e-4, "part_s": 1e-3, "listed_s": 1e-4, "task_s": 2e-3, "handover_s": 0.02},
    }
    found["model"] = {name: bench.spark_scaling.predicted(found, int(name)) for name in ("1", "2")}
    assert found["model"]["1"]["over_measured"] == pytest.approx(1.0, abs=0.06)
    asked = Namespace(simulate=[1, 32], images_simulated=100_000, cores_simulated=4)
    found["simulated"] = bench.spark_scaling.simulated(found, asked)
    assert {row["storage"] for row in found["simulated"]} == set(bench.spark_scaling.STORAGE)
    found["troubles"] = bench.spark_scaling.troubles(found, asked)
    assert all(one["seconds"] >= one["mended_seconds"] for one in found["troubles"])
    json.dumps(found)
    bench.spark_scaling.show(found)
    assert "bound by" in capsys.readouterr().out
    bench.spark_scaling.plot(found, tmp_path / "scaling.png")
    assert (tmp_path / "scaling.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("master", "expected"),
    [
        (None, ("local[6]", {})),
        ("spark://host:7077", ("spark://host:7077", {"spark.cores.max": "6", "spark.executor.cores": "2"})),
        ("yarn", ("yarn", {"spark.executor.instances": "3", "spark.executor.cores": "2"})),
    ],
)
def test_a_number_of_executors_is_asked_for_as_the_master_wants(
    bench: Namespace, master: str | None, expected: tuple[str, dict[str, str]]
) -> None:
    assert bench.spark_scaling.size_of(Namespace(master=master, cores=2), 3) == expected


def test_goals_say_what_came_and_whether_it_is_enough(bench: Namespace) -> None:
    rates = {"images_per_second": 100.0, "cpu_ms_per_image": 10.0}
    figures = {name: dict(rates) for name in bench.spark_featurize.CONTENDERS}
    figures["spark-1"]["cpu_ms_per_image"] = 10.6
    figures["usual-plain"] = {"images_per_second": 20.0, "cpu_ms_per_image": 39.0}
    goals = bench.spark_featurize.goals_of(bench.spark_featurize.ratios_of(figures))
    assert {what: goal["met"] for what, goal in goals.items()} == {
        "CPU per image of local[1] over that of one worker": False,
        "CPU per image of local[2] over that of two workers": True,
        "local[2] over two workers": True,
        "local[2] over the usual way, tuned": False,
        "local[2] over the usual way, as published": True,
        "the usual way, tuned, over local[2] by CPU": False,
        "the usual way, as published, over local[2] by CPU": False,
    }
