"""A session of Spark: found or started, set up for images, and stopped again by whoever started it."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overread.engine.environment import environment
from overread.engine.spark.complaints import complaint
from overread.engine.spark.configuration import (
    PATIENCE,
    ConfValue,
    as_text,
    cluster_defaults,
    configuration,
    in_words,
    named_master,
    this_machine,
)
from overread.engine.spark.gateway import Gateway, end_gateway
from overread.engine.spark.java import Java, find_java
from overread.engine.spark.workers import knock, send_own_code, welcome
from overread.errors import EngineError
from overread.progress import SILENT, Progress

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_SUBMITTED = "PYSPARK_GATEWAY_PORT"
"""In the environment of a program that `spark-submit` has started: its Java machine and its master exist."""


@contextmanager
def open_session(
    master: str | None = None,
    *,
    cores: int | None = None,
    conf: Mapping[str, ConfValue],
    progress: Progress = SILENT,
) -> Iterator[SparkSession]:
    """Take the session that runs, or start one and stop it in the end.

    Args:
        master: See `overread.engine.open_engine`.
        cores: See there.
        conf: See there.
        progress: Is told what was chosen.

    Raises:
        EngineError: pyspark or Java is missing, a session with another master runs, or the cluster cannot be
            reached, gives no worker, or has workers with other versions.
    """
    running = _running_session(master, cores=cores)
    if running is not None:
        progress.note(
            f"Spark {running.version} on {running.sparkContext.master}: the session that runs already"
            + (", with its settings" if conf else "")
        )
        yield running
        return
    with _started(master, cores=cores, conf=conf, progress=progress) as session:
        yield session


def _running_session(master: str | None, *, cores: int | None) -> SparkSession | None:
    """The session of this process, if there is one."""
    try:
        from pyspark import SparkContext
        from pyspark.sql import SparkSession
    except ModuleNotFoundError as error:
        raise EngineError(
            f"the package {error.name} is not installed",
            where="engine spark",
            todo="pip install 'overread[spark]'",
        ) from error
    context: Any = SparkContext._active_spark_context
    if context is None or context._jsc is None:
        return None
    if master is not None and context.master not in (master, named_master(master, cores=cores)):
        raise EngineError(
            f"a session on {context.master} runs in this process, which can have one only",
            where=f"master {master}",
            todo="stop it, or name no master to use it",
        )
    return SparkSession.builder.getOrCreate()


@contextmanager
def _started(
    master: str | None, *, cores: int | None, conf: Mapping[str, ConfValue], progress: Progress
) -> Iterator[SparkSession]:
    submitted = _SUBMITTED in os.environ
    named = named_master(master, cores=cores)
    local = named.startswith("local[")
    chosen = configuration(
        named, cores=cores, machine=this_machine(), given=conf, defaults=cluster_defaults(os.environ)
    )
    if submitted:  # what spark-submit was told is not for us to say again
        chosen = {name: as_text(value) for name, value in conf.items()}
        local = False
    else:
        _reachable(named)
    java = None if submitted else find_java()
    with tempfile.TemporaryDirectory(prefix="overread-driver-", ignore_cleanup_errors=True) as folder:
        session = _start(chosen, java, local=local)
        try:
            context = session.sparkContext
            tasks = context.defaultParallelism
            if not str(context.master).startswith("local"):
                send_own_code(context, Path(folder))
                tasks = welcome(context, patience=float(chosen.get(PATIENCE, 300)))
            on = f"with Java {java.version} ({java.origin})" if java else "as submitted"
            progress.note(
                f"Spark {session.version} on {context.master} {on}: {tasks} tasks at once, "
                + in_words(chosen, given=conf)
            )
            yield session
        finally:
            _stop(session)


def _reachable(master: str) -> None:
    if master == "yarn" and not {"HADOOP_CONF_DIR", "YARN_CONF_DIR"} & set(os.environ):
        raise EngineError(
            "expected HADOOP_CONF_DIR or YARN_CONF_DIR to name the cluster's settings, got neither",
            where="master yarn",
            todo="set one of them",
        )
    knock(master)


def _start(chosen: Mapping[str, str], java: Java | None, *, local: bool) -> SparkSession:
    """Start Java machine, context and session; in bounded time, or with one sentence."""
    from pyspark import SparkConf, SparkContext
    from pyspark.sql import SparkSession

    master = chosen.get("spark.master", "as submitted")
    python = os.environ.get("PYSPARK_PYTHON", sys.executable) if not local else sys.executable
    loopback = {"SPARK_LOCAL_IP": "127.0.0.1"} if local else {}
    gateway: Gateway | None = None
    try:
        with environment({"PYSPARK_PYTHON": chosen.get("spark.pyspark.python", python), **loopback}):
            gateway = Gateway(chosen, java) if java is not None else None
            conf = SparkConf()
            for name, value in chosen.items():
                conf.set(name, value)
            patience = 2 * float(chosen.get(PATIENCE, 300))
            if gateway is None:
                SparkContext(conf=conf)
            else:
                with gateway.ended_after(patience) as late:
                    try:
                        SparkContext(conf=conf, gateway=gateway.gateway)
                    except Exception as error:
                        if not late.is_set():
                            raise
                        raise EngineError(
                            f"the cluster did not take the application within {patience:.0f} s",
                            where=f"master {master}",
                            todo="see that the master's address is right and that it runs the same Spark",
                        ) from error
        session = SparkSession.builder.getOrCreate()
        # Should the Java machine be killed, one sentence says so; this thread's traceback need not.
        server: Any = getattr(session.sparkContext, "_accumulatorServer", None)
        if server is not None:
            server.handle_error = lambda *_: None
        return session
    except EngineError:
        end_gateway()
        raise
    except Exception as error:
        said = complaint(error, master=master, more=gateway.said() if gateway else "", starting=True)
        end_gateway()
        raise said from error


def _stop(session: SparkSession) -> None:
    """Stop what was started here; a Java machine that is gone already is no further trouble."""
    from pyspark import SparkContext

    process = getattr(SparkContext._gateway, "proc", None)
    if process is not None and process.poll() is not None:
        end_gateway()
        return
    with suppress(Exception):
        session.stop()
