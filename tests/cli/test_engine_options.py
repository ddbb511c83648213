"""What every command can be told of the engine; what Spark then does is tested in tests/spark."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from overread.cli.engine_options import chosen_engine, engine_table, with_engine
from overread.engine import LocalEngine
from overread.errors import UsageError
from overread.progress import SILENT
from overread.study import load_study
from overread.study.settings import EngineTable
from tests.cli.conftest import Said

Command = Callable[..., Said]

ON_SPARK = """
[cohort]
source = "images"
[engine]
engine = "spark"
master = "spark://there:7077"
workers = 8
spark = { "spark.executor.memory" = "2g", "spark.executor.cores" = 2 }
"""


def table(said: EngineTable | None = None, **options: object) -> EngineTable:
    none = {"engine": None, "workers": None, "master": None, "spark_conf": None}
    return engine_table(said or EngineTable(), **{**none, **options})  # type: ignore[arg-type]


def test_without_options_images_are_read_on_this_machine() -> None:
    with chosen_engine(None, workers=3, master=None, spark_conf=None, progress=SILENT) as engine:
        assert isinstance(engine, LocalEngine)
        assert engine.workers == 3


def test_options_of_spark_become_the_engines_table() -> None:
    conf = ["spark.executor.memory=4g", "spark.executor.extraJavaOptions=-Da=b"]
    made = table(engine="spark", master="yarn", spark_conf=conf, workers=4)
    assert made == EngineTable(
        engine="spark",
        master="yarn",
        workers=4,
        spark={"spark.executor.memory": "4g", "spark.executor.extraJavaOptions": "-Da=b"},
    )


def test_the_study_counts_where_no_option_says_otherwise(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(ON_SPARK)
    study = load_study(tmp_path / "study.toml")
    said = study.settings.engine
    none = {"engine": None, "workers": None, "master": None, "spark_conf": None}
    assert with_engine(study, **none) == study
    assert table(said, master="local[2]").model_dump() == {**said.model_dump(), "master": "local[2]"}
    assert table(said, spark_conf=["spark.executor.memory=4g"]).spark == {
        "spark.executor.memory": "4g",
        "spark.executor.cores": 2,
    }
    assert table(said, engine="local").engine == "local"
    assert table(said, workers=2).workers == 2


@pytest.mark.parametrize(
    ("options", "where", "sentence"),
    [
        ({"engine": "sparc"}, "--engine", "expected local or spark, got 'sparc'"),
        ({"master": "local[2]"}, "--master", "write --engine spark"),
        ({"engine": "local", "master": "yarn"}, "--master", "write --engine spark"),
        ({"spark_conf": ["spark.a=b"]}, "--spark-conf", "write --engine spark"),
        ({"engine": "spark", "master": "here:7077"}, "--master", "got 'here:7077'"),
        ({"engine": "spark", "spark_conf": ["executor.memory=4g"]}, "--spark-conf", "begins with 'spark.'"),
        ({"engine": "spark", "spark_conf": ["spark.executor.memory"]}, "--spark-conf", "NAME=VALUE"),
        ({"engine": "spark", "spark_conf": ["spark.a=1", "spark.a=2"]}, "--spark-conf", "stands twice"),
    ],
)
def test_wrong_options_are_named_in_one_sentence(
    options: dict[str, object], where: str, sentence: str
) -> None:
    with pytest.raises(UsageError, match=f"^{where}: ") as caught:
        table(**options)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    "written",
    [
        ["ingest", "{}/images", "-o", "{}/out"],
        ["explore", "{}/images", "-o", "{}/out.html"],
        ["predict", "{}/bundle", "{}/images", "-o", "{}/out.csv"],
        ["run", "{}/local.toml", "-o", "{}/out"],
        ["tune", "{}/local.toml", "-o", "{}/out"],
        ["demo", "-o", "{}/out"],
    ],
)
@pytest.mark.parametrize("options", [["--master", "local[2]"], ["--engine", "sparc"]])
def test_every_command_refuses_before_it_writes(
    command: Command, written: list[str], options: list[str], tmp_path: Path
) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "local.toml").write_text('[cohort]\nsource = "images"\n')
    before = sorted(tmp_path.rglob("*"))
    said = command(*(part.format(tmp_path) for part in written), *options)
    assert said.code == 2
    assert f"error: {options[0]}: expected" in said.err
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ('master = "here:7077"', "'engine.master': expected local[*]"),
        ('spark = { "executor.memory" = "4g" }', "'engine.spark': a setting of Spark begins with 'spark.'"),
        ('engine = "dask"', "'engine.engine': expected 'local' or 'spark', got 'dask'"),
    ],
)
def test_a_study_with_a_wrong_engine_is_one_sentence(
    command: Command, written: str, sentence: str, tmp_path: Path
) -> None:
    (tmp_path / "study.toml").write_text(f'[cohort]\nsource = "images"\n[engine]\n{written}\n')
    said = command("run", tmp_path / "study.toml", "-o", tmp_path / "out")
    assert said.code == 2
    assert sentence in said.err
