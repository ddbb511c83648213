"""A stage on its way to the workers: sent once a machine with its files, opened once a process."""

from __future__ import annotations

import gc
import hashlib
import os
import pickle
import platform
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overread.engine.spark.workers import check_versions, versions
from overread.engine.stage import Stage, Travelling, stage_name
from overread.errors import EngineError

if TYPE_CHECKING:
    from pyspark import SparkContext

File = tuple[str, bytes]
"""A path inside the folder that a stage's files travel in, and what the file holds."""
_OPENED: dict[str, Stage] = {}
_SETTLED: set[str] = set()


@dataclass(frozen=True)
class Payload:
    """What a worker needs to open a stage.

    Attributes:
        stage: Pickled by the driver.
        names: The path of each of its files inside the folder that they travel in; empty where they stay.
        files: Those files, unless they are sent beside this.
        digest: Of the stage and its files.
        versions: Of the driver's packages.
    """

    stage: bytes
    names: tuple[str, ...]
    files: tuple[File, ...]
    digest: str
    versions: dict[str, str]

    @classmethod
    def of(cls, stage: Stage, *, with_files: bool = True) -> Payload:
        """Pack a stage.

        Args:
            stage: To send.
            with_files: Whether the workers may lack the stage's files.

        Raises:
            EngineError: It cannot be pickled, or a worker could not import it.
        """
        if type(stage).__module__ == "__main__":
            raise EngineError(
                "is defined in the program itself, where no worker can import it",
                where=f"stage {stage_name(stage)}",
                todo="define it in a module of its own that every machine has",
            )
        try:
            pickled = pickle.dumps(stage)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise EngineError(
                f"cannot be sent to a worker ({error})",
                where=f"stage {stage_name(stage)}",
                todo="define it at the top of a module and open models when it is first called",
            ) from error
        paths = stage.files if with_files and isinstance(stage, Travelling) else ()
        names = tuple(f"{at}/{path.name}" for at, path in enumerate(paths))
        files = tuple(one for name, path in zip(names, paths, strict=True) for one in _read(name, path))
        digest = hashlib.sha256(pickled)
        for name, content in files:
            digest.update(f"{name}\0{len(content)}\0".encode() + hashlib.sha256(content).digest())
        return cls(pickled, names, files, digest.hexdigest(), versions())

    def opened(self, files: Any = None) -> Stage:
        """The stage, opened once a worker process, however many tasks that is given.

        Args:
            files: A broadcast of the files where this does not hold them itself.

        Raises:
            EngineError: The stage's class cannot be imported here, or the versions differ from the driver's.
        """
        if self.digest not in _OPENED:
            check_versions(self.versions, versions(), host=platform.node())
            stage = _unpickled(self.stage)
            if self.names and isinstance(stage, Travelling):
                folder = _unpacked(self.digest, self.files or files)
                stage = stage.with_files(tuple(folder / name for name in self.names))
            _OPENED.clear()  # one model in memory is enough
            _OPENED[self.digest] = stage
        elif self.digest not in _SETTLED:
            _SETTLED.add(self.digest)
            _settle_in()
        return _OPENED[self.digest]


@dataclass(frozen=True)
class Carried:
    """A stage as the tasks of one job know it: two broadcasts, which Spark brings to each machine once.

    Attributes:
        payload: Broadcast of the `Payload` without files.
        files: Broadcast of the files; read by one process a machine, and only where they are needed.
    """

    payload: Any
    files: Any

    @classmethod
    def by(cls, context: SparkContext, stage: Stage) -> Carried:
        """Send a stage to the workers; `destroy` takes it back.

        Raises:
            EngineError: It cannot be pickled.
        """
        # Workers of local mode see the same files: a bundle of 100 MB is not copied for them.
        whole = Payload.of(stage, with_files=not str(context.master).startswith("local["))
        return cls(context.broadcast(replace(whole, files=())), context.broadcast(whole.files))

    def opened(self) -> Stage:
        """The stage; see `Payload.opened`."""
        stage: Stage = self.payload.value.opened(self.files)
        return stage

    def destroy(self) -> None:
        """Forget the broadcasts on every machine; nothing happens where Spark has ended already."""
        for one in (self.payload, self.files):
            with suppress(Exception):
                one.destroy()


def _settle_in() -> None:
    """Tell the collector that what a worker has imported and opened by now stays.

    pyspark collects garbage behind every task, and would look through all objects of all modules each time:
    some 20 ms a task, as much as two images.
    """
    from pyspark import TaskContext

    if TaskContext.get() is not None:
        gc.collect()
        gc.freeze()


def _read(name: str, path: Path) -> Iterator[File]:
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            if file.is_file():
                yield f"{name}/{file.relative_to(path).as_posix()}", file.read_bytes()
    else:
        yield name, path.read_bytes()


def _unpickled(pickled: bytes) -> Stage:
    try:
        stage: Stage = pickle.loads(pickled)
    except Exception as error:
        raise EngineError(
            f"the stage could not be opened in a worker ({type(error).__name__}: {error})",
            where=f"worker {platform.node()}",
            todo="install the package that defines it on every machine of the cluster",
        ) from error
    return stage


def _unpacked(digest: str, files: Any) -> Path:
    """A folder with the files (a tuple of them or its broadcast), shared by an executor's processes."""
    # Spark names its executor's own folders here and removes them in the end.
    base = Path(os.environ.get("SPARK_LOCAL_DIRS", "").split(",")[0] or tempfile.gettempdir())
    folder = base / f"overread-stage-{digest[:32]}"
    with _alone(folder.with_suffix(".lock")):
        if not folder.is_dir():
            growing = Path(tempfile.mkdtemp(prefix="overread-stage-", dir=base))
            try:
                for name, content in files if isinstance(files, tuple) else files.value:
                    target = growing / name
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(content)
                growing.rename(folder)
            except OSError as error:
                shutil.rmtree(growing, ignore_errors=True)
                raise EngineError(
                    f"a stage's files could not be written ({error.strerror or error})",
                    where=f"worker {platform.node()}, {base}",
                    todo="free space there, or let spark.local.dir name another folder",
                ) from error
            # The process keeps what it has read of a broadcast: a second copy of the model.
            getattr(files, "__dict__", {}).pop("_value", None)
    return folder


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Let one process of this machine after another into the block."""
    import fcntl

    with lock.open("wb") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
