"""Images that Spark reads through Hadoop: the readings of the local engine, and nothing lost on the way."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from overread.bundle import PredictStage, pack, predict, read_frame, zip_bundle
from overread.bundle.predict_stage import READING_SCHEMA
from overread.cohort import IngestSettings, ingest
from overread.cohort.ingest_key import made_from
from overread.engine import LocalEngine, list_parts
from overread.engine.spark import SparkEngine, frame_waves
from overread.engine.spark.frame_reader import RemoteReader
from overread.engine.spark.hadoop import encoded
from overread.errors import CohortError, EngineError, UsageError
from overread.imaging.preprocess import Preprocess, preprocess_graph
from overread.progress import SilentProgress
from tests.bundle.conftest import SIZE, encode, make_draft, make_pixels, network_bytes
from tests.cohort.scenes import scene

pytestmark = pytest.mark.spark

ODD = ("q'uo\"te 1", "br[1]{a,b}x", "_MG_1", "per%20cent", "co,mma")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    graph = preprocess_graph(Preprocess(size=SIZE))
    return pack(
        tmp_path_factory.mktemp("packed") / "skin",
        draft=make_draft(),
        preprocess=graph,
        network=network_bytes(),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images under all sorts of names, and files that are none."""
    folder = tmp_path_factory.mktemp("s[o]urce") / "pictures"
    for at in range(8):
        place = folder / f"{'ab'[at % 2]} {at % 2}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{at}.png").write_bytes(encode(make_pixels(at)))
    (folder / "_under").mkdir()
    for at, name in enumerate(ODD):
        (folder / "_under" / f"{name}.jpg").write_bytes(encode(make_pixels(100 + at), "JPEG"))
    (folder / "cut.png").write_bytes(encode(make_pixels(3))[:90])
    (folder / "empty.png").touch()
    (folder / "text.jpg").write_text("text")
    (folder / "notes.txt").write_text("no image")
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "x.png").write_bytes(encode(make_pixels(0)))
    return folder


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory, bundle: Path, folder: Path) -> Path:
    out = tmp_path_factory.mktemp("expected") / "r.parquet"
    predict(bundle, [folder], out, engine=LocalEngine(1))
    return out


class Told(SilentProgress):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, message: str) -> None:
        self.notes.append(message)


def rows_of(path: Path, *, without: str = "") -> list[dict[str, object]]:
    table = pq.read_table(path)
    return table.drop_columns([without] if without else []).to_pylist()


def rejects_of(out: Path) -> list[dict[str, object]]:
    return rows_of(out.with_name(f"{out.stem}.rejects.parquet"), without="uri")


def test_a_folder_by_uri_gives_the_readings_of_the_folder(
    tmp_path: Path, bundle: Path, folder: Path, expected: Path, spark_engine: SparkEngine
) -> None:
    uri = f"file://{folder}"
    told = Told()
    summary = predict(bundle, [uri], tmp_path / "r.parquet", engine=spark_engine, progress=told)
    assert (summary.found, summary.read, summary.rejected) == (16, 13, 3)
    assert [note for note in told.notes if "driver read" in note] == []  # the workers brought all of them
    assert rows_of(tmp_path / "r.parquet", without="uri") == rows_of(expected, without="uri")
    assert rejects_of(tmp_path / "r.parquet") == rejects_of(expected)
    uris = pq.read_table(tmp_path / "r.parquet")["uri"].to_pylist()
    assert uris[0] == f"{uri}/_under/_MG_1.jpg"
    assert [one.removeprefix("file://") for one in uris] == pq.read_table(expected)["uri"].to_pylist()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.parquet", "r.rejects.parquet"]


def test_what_vanishes_or_is_damaged_after_it_was_listed_is_rejected(
    tmp_path: Path, bundle: Path, folder: Path, spark_engine: SparkEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for at in range(5):
        (source / f"{at}.png").write_bytes(encode(make_pixels(at)))
    (source / ".3.png.crc").write_bytes(b"crc\x00\x00\x00\x02\x00" + bytes(64))  # Hadoop's check sum, wrong

    module = sys.modules["overread.bundle.predict"]
    real = module.run_remote

    def after_some_time(*args: object, **settings: object) -> Path:
        (source / "1.png").unlink()
        (source / "2.png").write_bytes((source / "2.png").read_bytes()[:90])
        return real(*args, **settings)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "run_remote", after_some_time)
    summary = predict(bundle, [f"file://{source}"], tmp_path / "r.parquet", engine=spark_engine)
    assert (summary.found, summary.read, summary.rejected) == (5, 2, 3)
    rejects = {row["image_id"]: row["reason"] for row in rejects_of(tmp_path / "r.parquet")}
    assert rejects == {"1": "missing-file", "2": "truncated", "3": "unreadable-file"}


_INTERRUPTED = """
import sys
from pathlib import Path
from overread.bundle import predict
from overread.engine.spark import SparkEngine, frame_waves
from tests.spark.conftest import SMALL

frame_waves.PART_ROWS, frame_waves.WAVE_ROWS = 4, (4, 8)
with SparkEngine.open(master="local[2]", conf=SMALL) as engine:
    predict(Path(sys.argv[1]), [sys.argv[2]], Path(sys.argv[3]), engine=engine)
"""


def test_a_driver_that_is_killed_goes_on_where_it_was(
    tmp_path: Path, bundle: Path, spark_engine: SparkEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out = tmp_path / "source", tmp_path / "r.parquet"
    source.mkdir()
    for at in range(40):
        (source / f"{at:02d}.png").write_bytes(encode(make_pixels(at)))
    uri, done = f"file://{source}", tmp_path / ".r.parquet.work" / "remote"
    driver = subprocess.Popen(
        [sys.executable, "-c", _INTERRUPTED, str(bundle), uri, str(out)], start_new_session=True
    )
    try:
        while not (done / "part-00001.parquet").exists():
            assert driver.poll() is None
            time.sleep(0.01)
    finally:
        os.killpg(driver.pid, signal.SIGKILL)
        driver.wait()
    kept = sum(pq.read_metadata(part).num_rows for part in list_parts(done))
    assert 8 <= kept < 40
    assert not out.exists()

    monkeypatch.setattr(frame_waves, "PART_ROWS", 4)
    asked: list[int] = []
    read = RemoteReader.read

    def counted(reader: RemoteReader, at: NDArray[np.int64]) -> pa.Table:
        asked.extend(at.tolist())
        return read(reader, at)

    monkeypatch.setattr(RemoteReader, "read", counted)
    predict(bundle, [uri], out, engine=spark_engine)
    assert asked == list(range(kept, 40))
    predict(bundle, [source], tmp_path / "local.parquet", engine=LocalEngine(1))
    assert rows_of(out, without="uri") == rows_of(tmp_path / "local.parquet", without="uri")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Path:
    """The folder's images in two files of Parquet, and one row without content."""
    out = tmp_path_factory.mktemp("dataset") / "images"
    out.mkdir()
    rows = [
        {"image_id": path.relative_to(folder).as_posix(), "content": path.read_bytes()}
        for path in sorted(folder.rglob("*.[pj][np]g"))
        if ".hidden" not in str(path)
    ]
    rows.insert(3, {"image_id": "nothing", "content": None})
    for at, share in enumerate((rows[:6], rows[6:])):
        pq.write_table(pa.Table.from_pylist(share), out / f"part-{at:05d}.parquet", row_group_size=2)
    return out


def test_parquet_by_uri_gives_the_readings_of_parquet(
    tmp_path: Path, bundle: Path, dataset: Path, spark_engine: SparkEngine
) -> None:
    predict(bundle, sorted(dataset.iterdir()), tmp_path / "local.parquet", engine=LocalEngine(1))
    summary = predict(bundle, [f"file://{dataset}"], tmp_path / "r.parquet", engine=spark_engine)
    assert (summary.found, summary.rejected) == (17, 4)
    assert rows_of(tmp_path / "r.parquet") == rows_of(tmp_path / "local.parquet")
    assert rejects_of(tmp_path / "r.parquet") == rejects_of(tmp_path / "local.parquet")


def test_a_table_of_uris_is_read_in_its_own_order(
    tmp_path: Path, bundle: Path, folder: Path, spark_engine: SparkEngine
) -> None:
    paths = [folder / "b 1" / "3.png", folder / "gone.png", folder / "a 0" / "2.png", folder / "cut.png"]
    table = pa.table({"image_id": [path.stem for path in paths], "uri": [f"file://{one}" for one in paths]})
    pq.write_table(table, tmp_path / "list.parquet")
    here = folder / "a 0" / "0.png"
    for given in (tmp_path / "list.parquet", f"file://{tmp_path}/list.parquet"):
        summary = predict(bundle, [given, here], tmp_path / "r.parquet", engine=spark_engine)
        assert (summary.found, summary.rejected) == (5, 2)
        assert [row["image_id"] for row in rows_of(tmp_path / "r.parquet")] == ["0", "3", "2"]
        reasons = {row["image_id"]: row["reason"] for row in rejects_of(tmp_path / "r.parquet")}
        assert reasons == {"gone": "missing-file", "cut": "truncated"}


def test_patterns_and_single_files_name_images_as_the_shell_does(
    tmp_path: Path, bundle: Path, folder: Path, spark_engine: SparkEngine
) -> None:
    uri = "file://" + str(folder).replace("[", "?").replace("]", "?")
    predict(bundle, [f"{uri}/[ab] ?/*.png"], tmp_path / "r.parquet", engine=spark_engine)
    assert [row["image_id"] for row in rows_of(tmp_path / "r.parquet")] == list("02461357")


def test_what_cannot_be_listed_is_one_sentence(
    tmp_path: Path, bundle: Path, spark_engine: SparkEngine
) -> None:
    for uri, said in (
        (f"file://{tmp_path}/nowhere", "there is no such file or folder"),
        ("s3a://bucket/folder", "Spark has no file system for s3a.*spark.jars.packages"),
        ("hdfs://127.0.0.1:1/folder", "could not be reached"),
    ):
        with pytest.raises((UsageError, EngineError), match=said):
            predict(bundle, [uri], tmp_path / "r.parquet", engine=spark_engine)
    with pytest.raises(UsageError, match="holds no image"):
        predict(bundle, [f"file://{tmp_path}"], tmp_path / "r.parquet", engine=spark_engine)


@pytest.mark.parametrize("partitions", [1, 2, 7])
def test_partitions_do_not_change_a_reading(
    partitions: int, bundle: Path, folder: Path, dataset: Path, spark_engine: SparkEngine
) -> None:
    frame = spark_engine.session.read.parquet(str(dataset)).repartition(partitions)
    zipped = zip_bundle(bundle)
    readings = read_frame(spark_engine, f"file://{zipped}", frame)
    assert readings.rdd.getNumPartitions() == partitions
    made = readings.toArrow().cast(READING_SCHEMA).sort_by("image_id")
    stage = PredictStage(bundle)
    batches = [batch for part in sorted(dataset.iterdir()) for batch in pq.read_table(part).to_batches()]
    here = pa.Table.from_batches(stage(iter(with_uri(batches))))
    assert made.to_pylist() == here.sort_by("image_id").to_pylist()


def with_uri(batches: list[pa.RecordBatch]) -> list[pa.RecordBatch]:
    return [batch.append_column("uri", pa.nulls(batch.num_rows, pa.string())) for batch in batches]


def test_rows_of_binary_files_are_read_as_they_are(
    bundle: Path, folder: Path, spark_engine: SparkEngine
) -> None:
    frame = spark_engine.session.read.format("binaryFile").load(f"file://{folder}/a*".replace("[o]", "?o?"))
    rows = read_frame(spark_engine.session, bundle, frame).collect()
    assert sorted(row["uri"] for row in rows) == [f"file:{folder}/a 0/{at}.png" for at in (0, 2, 4, 6)]
    with pytest.raises(UsageError, match="expected the columns 'content'"):
        read_frame(spark_engine, bundle, frame.drop("content"))


def test_names_are_encoded_as_javas_uris_are(spark_engine: SparkEngine) -> None:
    java = spark_engine.session.sparkContext._jvm.org.apache.hadoop.fs.Path
    for at in range(33, 1200):
        name = f"file:/data/{chr(at)}x" if chr(at) != "/" else "file:/x"
        assert java(name).toUri().toString() == encoded(name)


@pytest.fixture(scope="module")
def skin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images beside a table of labels, one of them cut off, one named and not there, one empty."""
    folder = tmp_path_factory.mktemp("skin") / "ham"
    (folder / "part_1").mkdir(parents=True)
    rows = ["image,diagnosis,patient,age"]
    for at in range(24):
        content = encode(scene(at), "JPEG")
        (folder / "part_1" / f"i{at}.jpg").write_bytes(content[:300] if at == 5 else content)
        rows.append(f"i{at},{'mel' if at % 2 else 'nv'},p{at // 2},{30 + at}")
    rows.append("gone,mel,p30,50")
    (folder / "part_1" / "unnamed.jpg").touch()
    (folder / "labels.csv").write_text("\n".join(rows))
    return folder


SETTINGS = IngestSettings(columns={"label": "diagnosis"}, map={"mel": "melanoma"})


def test_a_source_by_uri_becomes_the_cohort_of_the_folder(
    tmp_path: Path, skin: Path, spark_engine: SparkEngine
) -> None:
    here = ingest(skin, tmp_path / "here", settings=SETTINGS, engine=LocalEngine(1))
    told = Told()
    uri = f"file://{skin}"
    there = ingest(uri, tmp_path / "there", settings=SETTINGS, engine=spark_engine, progress=told)
    assert there.card.source == uri
    without = {"source": ""}
    assert there.card.model_copy(update=without) == here.card.model_copy(update=without)
    assert there.table().equals(here.table())
    assert rows_of(there.path / "rejects.parquet") == rows_of(here.path / "rejects.parquet")
    assert not (there.path / ".work").exists()
    assert all("/tmp/overread-source" not in note for note in told.notes)

    before = (there.path / "cohort.json").stat().st_mtime_ns
    ingest(uri, tmp_path / "there", settings=SETTINGS, engine=spark_engine)
    assert (there.path / "cohort.json").stat().st_mtime_ns == before  # nothing was left to do
    assert made_from(there.path) == (uri, SETTINGS)


def test_what_cannot_be_brought_into_a_cohort_is_rejected_with_its_reason(
    tmp_path: Path, skin: Path, spark_engine: SparkEngine
) -> None:
    source = shutil.copytree(skin, tmp_path / "ham")
    (source / "part_1" / ".i7.jpg.crc").write_bytes(b"crc\x00\x00\x00\x02\x00" + bytes(64))
    cohort = ingest(f"file://{source}", tmp_path / "cohort", settings=SETTINGS, engine=spark_engine)
    reasons = {row["uri"]: row["reason"] for row in rows_of(cohort.path / "rejects.parquet")}
    assert reasons["part_1/i7.jpg"] == "unreadable-file"
    assert reasons["part_1/i5.jpg"] == "truncated"
    assert cohort.card.found == cohort.card.read + cohort.card.rejected == 26
    (source / "part_1" / ".i7.jpg.crc").unlink()
    again = ingest(
        f"file://{source}", tmp_path / "cohort", settings=SETTINGS, engine=spark_engine, retry=True
    )
    assert again.card.read == cohort.card.read + 1


def test_messages_name_a_source_by_its_uri(tmp_path: Path, skin: Path, spark_engine: SparkEngine) -> None:
    settings = IngestSettings(columns={"label": "nowhere"})
    with pytest.raises(CohortError, match=f"table 'file://{skin}/labels.csv'"):
        ingest(f"file://{skin}", tmp_path / "cohort", settings=settings, engine=spark_engine)
