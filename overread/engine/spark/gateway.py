"""The Java machine of the driver: started with the right Java, quiet, and never waited for without end."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from overread.engine.environment import environment
from overread.engine.spark.configuration import is_secret
from overread.engine.spark.java import Java

_TAIL = 20_000
_FIXED_AT_START = ("spark.driver.memory", "spark.driver.extraJavaOptions")


class Gateway:
    """The Java machine that the sessions of this process share; pyspark keeps one a process.

    Args:
        chosen: The settings of the session that is to start.
        java: What to run it on.
    """

    def __init__(self, chosen: Mapping[str, str], java: Java) -> None:
        from pyspark import SparkContext

        key = (str(java.home), *(chosen.get(name) for name in _FIXED_AT_START))
        running: Any = SparkContext._gateway
        if running is not None and getattr(running, "overread_key", key) != key:
            end_gateway()
            running = None
        if running is None:
            running = _launch(chosen, java)
            running.overread_key = key
        self.gateway = running

    def said(self) -> str:
        """The end of what the Java machine has printed."""
        log = getattr(self.gateway, "overread_log", None)
        if log is None:
            return ""
        size = os.fstat(log.fileno()).st_size
        return os.pread(log.fileno(), _TAIL, max(0, size - _TAIL)).decode("utf-8", "replace")

    @contextmanager
    def ended_after(self, seconds: float) -> Iterator[threading.Event]:
        """End the Java machine when the block takes longer; the event then says so."""
        late = threading.Event()

        def end() -> None:
            late.set()
            process = getattr(self.gateway, "proc", None)
            if process is not None:
                process.kill()

        timer = threading.Timer(seconds, end)
        timer.daemon = True
        timer.start()
        try:
            yield late
        finally:
            timer.cancel()


def _launch(chosen: Mapping[str, str], java: Java) -> Any:
    from pyspark import SparkConf
    from pyspark.java_gateway import launch_gateway

    conf = SparkConf(loadDefaults=False)
    for name, value in chosen.items():
        # They become arguments of the Java machine, for all to see; secrets are set when it runs.
        if not is_secret(name):
            conf.set(name, value)
    # What Java prints is no line for the user's terminal, but may say why it gave up.
    log = tempfile.TemporaryFile(prefix="overread-spark-")  # noqa: SIM115
    try:
        with environment({"JAVA_HOME": str(java.home)}):
            launch: Any = launch_gateway
            gateway = launch(conf, {"stdout": log, "stderr": log})
    except Exception as error:
        log.seek(0)
        error.add_note(log.read().decode("utf-8", "replace")[-_TAIL:])
        raise
    gateway.overread_log = log
    return gateway


def end_gateway() -> None:
    """End the Java machine of this process, whatever state it is in."""
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    gateway: Any = SparkContext._gateway
    if gateway is None:
        return
    process = getattr(gateway, "proc", None)
    with suppress(Exception):
        gateway.shutdown()
    if process is not None:
        with suppress(Exception):
            process.stdin.close()
        with suppress(Exception):
            process.wait(5)
        if process.poll() is None:
            process.kill()
            process.wait()
    # What pyspark remembers of the machine that has gone would meet whoever starts another.
    context: Any = SparkContext._active_spark_context
    with SparkContext._lock:
        SparkContext._gateway = SparkContext._jvm = None
        SparkContext._active_spark_context = None
    SparkSession._instantiatedSession = None
    if context is not None:
        context._jsc = None
        with suppress(Exception):
            context._accumulatorServer.shutdown()
