"""A real standalone cluster of Spark on this machine: a master and two workers, each a Java process."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from overread.engine.spark.java import find_java

_PATIENCE_S = 90.0
# The shell's stdin is a pipe whose other end this process holds: it closes with it, however it ends.
_UNTIL_STDIN_ENDS = """
"$@" </dev/null & child=$!
read -r _
kill "$child" 2>/dev/null
for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$child" 2>/dev/null || exit 0; sleep 0.2; done
kill -9 "$child" 2>/dev/null
"""


@dataclass
class Cluster:
    """A running cluster.

    Attributes:
        master: Its URL.
        folder: Where logs and work folders of its processes lie.
    """

    master: str
    folder: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)


@contextmanager
def standalone_cluster(*, workers: int = 2, memory: str = "1g") -> Iterator[Cluster]:
    """Start a master and one-core workers on loopback; they end with the context, or with this process."""
    with tempfile.TemporaryDirectory(prefix="overread-cluster-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        cluster = Cluster("", folder)
        try:
            log = _start(cluster, "master", "master.Master", "--port", "0", "--webui-port", "0")
            cluster.master = _awaited(log, r"Starting Spark master at (spark://127\.0\.0\.1:\d+)")
            for at in range(workers):
                work = folder / f"work-{at}"
                asked = ["--cores", "1", "--memory", memory, "--work-dir", str(work), "--webui-port", "0"]
                _start(cluster, f"worker-{at}", "worker.Worker", *asked, cluster.master)
            for at in range(workers):
                _awaited(folder / f"worker-{at}.log", r"(Successfully registered with master)")
            yield cluster
        finally:
            for process in reversed(cluster.processes):
                process.stdin.close()  # type: ignore[union-attr]
            for process in cluster.processes:
                process.wait(30)


def _start(cluster: Cluster, name: str, kind: str, *arguments: str) -> Path:
    import pyspark

    log = cluster.folder / f"{name}.log"
    java = find_java()
    command = [
        *(str(java.home / "bin" / "java"), "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
        *("-cp", str(Path(pyspark.__file__).parent / "jars" / "*")),
        *(f"org.apache.spark.deploy.{kind}", "--host", "127.0.0.1", *arguments),
    ]
    environment = {
        **os.environ,
        "JAVA_HOME": str(java.home),
        "SPARK_HOME": str(Path(pyspark.__file__).parent),
        "SPARK_SCALA_VERSION": "2.13",  # bin/spark-class would set it; a worker starts no executor without
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOCAL_DIRS": str(cluster.folder),
        "SPARK_WORKER_OPTS": "",
        "PYSPARK_PYTHON": sys.executable,
    }
    with log.open("wb") as handle:
        process = subprocess.Popen(
            ["/bin/sh", "-c", _UNTIL_STDIN_ENDS, "sh", *command],
            stdin=subprocess.PIPE,
            stdout=handle,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,  # a terminal's ctrl-C is for the test alone
        )
    cluster.processes.append(process)
    return log


def _awaited(log: Path, pattern: str) -> str:
    """What the first group of the pattern is in a log, once it is there."""
    end = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end:
        found = re.search(pattern, log.read_text("utf-8", "replace")) if log.is_file() else None
        if found:
            return found[1]
        time.sleep(0.1)
    raise TimeoutError(f"{log} does not say {pattern!r}: {log.read_text('utf-8', 'replace')[-2000:]}")
