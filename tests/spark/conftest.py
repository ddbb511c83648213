"""Real Spark for tests: an engine on local[2], and a standalone cluster on loopback.

A process can have one SparkContext. `spark_engine` is one object for the whole session, but its Spark session
starts when it is first used and starts again after it was stopped. A test that opens a session of its own
(on the cluster, on local[1], with other settings) asks for the fixture `cluster` or `own_session`: the shared
session is stopped before that test begins, and whoever asks for `spark_engine` next gets a fresh one
(1 to 2 s: the Java machine stays). A test that asks for either must stop what it starts, and can not use
`spark_engine` while that runs.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from overread.engine.spark import SparkEngine
from overread.errors import EngineError

SMALL = {"spark.driver.memory": "512m", "spark.sql.shuffle.partitions": 2}
"""Settings of Spark in tests: little memory, few partitions."""
_ALONE = {"cluster", "own_session"}


def without_spark() -> str | None:
    """Why there can be no Spark here; None where there can."""
    if importlib.util.find_spec("pyspark") is None:
        return "pyspark is not installed: pip install 'overread[spark]'"
    from overread.engine.spark.java import find_java

    try:
        find_java()
    except EngineError as error:
        return str(error)
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what is marked `spark` where pyspark or a Java is missing."""
    marked = [item for item in items if item.get_closest_marker("spark")]
    reason = without_spark() if marked else None
    if reason:
        for item in marked:
            item.add_marker(pytest.mark.skip(reason=reason))


class RestartingEngine(SparkEngine):
    """A SparkEngine on local[2] whose session starts when it is needed."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._engine: SparkEngine | None = None

    @property
    def session(self) -> Any:
        """The running session, fresh where the last one was stopped."""
        if self._engine is None or self._engine.session.sparkContext._jsc is None:
            self.stop()
            self._engine = self._open.enter_context(SparkEngine.open(master="local[2]", conf=SMALL))
        return self._engine.session

    def stop(self) -> None:
        """Stop the session; the next use starts another."""
        self._engine = None
        self._open.close()


_SHARED = RestartingEngine()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Make room for the session of a test that opens its own."""
    if _ALONE & set(getattr(item, "fixturenames", ())):
        _SHARED.stop()


@pytest.fixture(scope="session")
def spark_engine() -> Iterator[SparkEngine]:
    """A SparkEngine on local[2], four tries a task, in 512 MB."""
    yield _SHARED
    _SHARED.stop()


@pytest.fixture
def own_session() -> None:
    """No Spark session runs: the test may open one as it likes, and stops it."""


@pytest.fixture(scope="session")
def cluster() -> Iterator[str]:
    """The master's URL of a real cluster: two workers with one core and 1 GB each."""
    from tests.spark.cluster import standalone_cluster

    with standalone_cluster() as running:
        yield running.master
