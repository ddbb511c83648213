"""SparkEngine on real Spark: the same bytes as LocalEngine, whatever dies."""

from __future__ import annotations

from pathlib import Path

import pytest

from overread.engine import LocalEngine, open_engine
from overread.engine.spark import SparkEngine
from tests.engine.stages import Double
from tests.engine.test_local import digests, write_numbers
from tests.spark.conftest import SMALL

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_numbers(tmp_path_factory.mktemp("source") / "numbers.parquet", 100)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory, numbers: Path) -> dict[str, str]:
    out = tmp_path_factory.mktemp("expected") / "out"
    return digests(LocalEngine(1).run(Double(), numbers, out, key="k", rows_per_part=7))


def test_local_2_writes_the_bytes_of_the_local_engine(
    tmp_path: Path, numbers: Path, expected: dict[str, str], spark_engine: SparkEngine
) -> None:
    out = spark_engine.run(Double(), numbers, tmp_path / "out", key="k", rows_per_part=7)
    assert digests(out) == expected


def test_a_standalone_cluster_writes_the_bytes_of_the_local_engine(
    tmp_path: Path, numbers: Path, expected: dict[str, str], cluster: str
) -> None:
    conf = {**SMALL, "spark.executor.memory": "512m"}
    with open_engine("spark", master=cluster, conf=conf) as engine:
        out = engine.run(Double(), numbers, tmp_path / "out", key="k", rows_per_part=7)
    assert digests(out) == expected


def test_the_shared_session_starts_again(
    tmp_path: Path, numbers: Path, expected: dict[str, str], spark_engine: SparkEngine
) -> None:
    out = spark_engine.run(Double(), numbers, tmp_path / "out", key="k", rows_per_part=7)
    assert digests(out) == expected
