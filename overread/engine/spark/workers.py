"""The cluster's workers: given Overread's own code, asked once for their versions."""

from __future__ import annotations

import socket
import threading
import zipfile
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import overread
from overread.engine.spark.complaints import complaint
from overread.errors import EngineError

if TYPE_CHECKING:
    from pyspark import SparkContext

COMPARED = ("numpy", "onnxruntime", "pillow", "pyarrow", "simplejpeg")
"""Packages whose version can change the bytes of a part."""
_KNOCK_S = 5.0
_STANDARD_PORT = {"spark": 7077, "https": 443, "http": 80}


def versions() -> dict[str, str]:
    """Version of Overread and of what decides over its numbers, in this Python; "none" where missing."""
    found = {"overread": overread.__version__}
    for name in COMPARED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "none"
    return found


def check_versions(here: Mapping[str, str], there: Mapping[str, str], *, host: str) -> None:
    """Refuse a worker that could give other numbers than the driver.

    Args:
        here: The driver's `versions()`.
        there: The worker's.
        host: The worker's machine.

    Raises:
        EngineError: A version differs.
    """
    other = [
        f"{name} {there.get(name)} (here {here[name]})" for name in here if here[name] != there.get(name)
    ]
    if other:
        raise EngineError(
            f"has {', '.join(other)}",
            where=f"worker {host}",
            todo="install the same versions on every machine, the same results depend on them",
        )


def knock(master: str) -> None:
    """See whether anybody listens where the master is said to be; Spark itself would try for minutes.

    Raises:
        EngineError: Nobody does.
    """
    refused = []
    for host, port in addresses(master):
        try:
            socket.create_connection((host, port), timeout=_KNOCK_S).close()
            return
        except OSError as error:
            refused.append(f"{host}:{port}: {error.strerror or error}")
    if refused:
        raise EngineError(
            f"nobody answers there ({'; '.join(refused)})",
            where=f"master {master}",
            todo="see that the cluster runs; its own page names the master's address",
        )


def addresses(master: str) -> list[tuple[str, int]]:
    """Host and port of every master that a URL names; none where it names none.

    Example:
        >>> addresses("spark://a:7077,b:7078"), addresses("k8s://https://c")
        ([('a', 7077), ('b', 7078)], [('c', 443)])
    """
    if master.startswith("spark://"):
        urls = [f"spark://{one}" for one in master.removeprefix("spark://").split(",")]
    elif master.startswith("k8s://"):
        address = master.removeprefix("k8s://")
        urls = [address if "://" in address else f"https://{address}"]
    else:
        urls = []
    try:
        split = [urlsplit(url) for url in urls]
        return [(one.hostname or "", one.port or _STANDARD_PORT.get(one.scheme, 0)) for one in split]
    except ValueError as error:
        raise EngineError(
            f"expected HOST:PORT ({error})", where=f"master {master}", todo="name the port, as in :7077"
        ) from error


def send_own_code(context: SparkContext, folder: Path) -> None:
    """Hand every worker the Overread that runs here, so that it needs no installation of it there.

    Args:
        context: Of the cluster.
        folder: Where the archive is written; must stay until the context has ended.
    """
    package = Path(overread.__file__).parent
    archive = folder / "overread.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in sorted(package.rglob("*.py")):
            packed.write(file, file.relative_to(package.parent).as_posix())
    context.addPyFile(str(archive))


def welcome(context: SparkContext, *, patience: float) -> int:
    """Wait for the cluster's first workers and check their versions; returns how many tasks run at once.

    Raises:
        EngineError: No worker came in time, or one lacks something or has other versions.
    """
    group = "overread-welcome"
    context.setJobGroup(group, "waiting for workers", interruptOnCancel=True)
    late = threading.Event()

    def cancel() -> None:
        late.set()
        context.cancelJobGroup(group)

    timer = threading.Timer(patience, cancel)
    timer.daemon = True
    timer.start()
    try:
        tasks = max(2, context.defaultParallelism)
        answers = context.parallelize(range(tasks), tasks).mapPartitions(_asker()).collect()
    except Exception as error:
        if late.is_set():
            raise EngineError(
                f"the cluster gave no worker within {patience:.0f} s",
                where=f"master {context.master}",
                todo="free cores and memory there, or ask less: spark.executor.memory, spark.cores.max",
            ) from error
        raise complaint(error, master=str(context.master), starting=True) from error
    finally:
        timer.cancel()
        context._jsc.sc().clearJobGroup()
    here = versions()
    for host, there in answers:
        check_versions(here, there, host=host)
    return context.defaultParallelism


def _asker() -> Any:
    """What a worker is asked; a closure, since it travels by value to a Python that may lack everything."""

    def ask(_: Iterator[int]) -> Iterator[tuple[str, dict[str, str]]]:
        import platform

        from overread.engine.spark.workers import versions

        yield platform.node(), versions()

    return ask
