"""Files that a Hadoop file system holds: found, asked about and fetched through the Java machine of Spark."""

from __future__ import annotations

import re
import tempfile
import unicodedata
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from overread.engine.spark.hadoop_status import Status, parse_statuses
from overread.errors import DecodeError, EngineError, UsageError
from overread.imaging.files import missing_file, unreadable_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

# One letter before the colon is a drive of Windows; dbfs:/ and file:/ have one slash.
_URI = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/")
_QUOTED = frozenset({"Cc", "Zs", "Zl", "Zp"})
_ASK_AT_ONCE = 32
_SMALL = 8 * 2**20


def is_uri(text: str) -> bool:
    """Whether a text names something in a file system by its scheme, and no path of this machine.

    Example:
        >>> is_uri("s3a://bucket/ham10000"), is_uri("dbfs:/data"), is_uri("C:/data"), is_uri("data/a:b")
        (True, True, False, False)
    """
    return _URI.match(text) is not None


def encoded(path: str) -> str:
    """A path of Hadoop as its URI is written, which `_metadata.file_path` gives (java.net.URI, quoting).

    Example:
        >>> encoded("file:/data/a b[1]%.jpg")
        'file:/data/a%20b%5B1%5D%25.jpg'
    """
    return "".join(
        one
        if ord(one) > 127 and unicodedata.category(one) not in _QUOTED
        else quote(one, safe="/:@&=+$,;!~'()*")
        for one in path
    )


@dataclass(frozen=True)
class Root:
    """One thing that a URI names, and all files in it.

    Attributes:
        uri: As the user wrote it, or as a pattern found it; without a slash at its end.
        path: As Hadoop spells it.
        is_folder: Whether it is one.
        files: Path below the root → status, sorted by that path; of a file its name.
        closed: Folders below that could not be listed, and why.
    """

    uri: str
    path: str
    is_folder: bool
    files: tuple[tuple[str, Status], ...]
    closed: tuple[tuple[str, str], ...] = ()


class HadoopFiles:
    """The file systems that a session of Spark can reach.

    Args:
        session: A running session with a Java machine beside it (not Spark Connect).

    Raises:
        EngineError: The session has none.
    """

    def __init__(self, session: SparkSession) -> None:
        self._session = session
        try:
            self._jvm: Any = session.sparkContext._jvm
            self._conf: Any = session._jsc.hadoopConfiguration()
        except Exception as error:
            raise EngineError(
                "cannot list files, since it is a Spark Connect session",
                where="Spark",
                todo="read the files into a DataFrame and use overread.bundle.read_frame",
            ) from error

    def find(self, uri: str, *, enter: Callable[[str], bool] = bool) -> list[Root]:
        """Everything below a URI; a pattern (`*`, `?`, `[…]`, `{…}`) where nothing has that very name.

        Args:
            uri: Of a file, a folder or several by a pattern.
            enter: Whether to look into a folder of this name.

        Raises:
            UsageError: There is nothing.
            EngineError: The file system is unknown, closed or not there.
        """
        with self._said(uri):
            path = self._path(uri)
            system = path.getFileSystem(self._conf)
            exact = system.exists(path)
            found = [system.getFileStatus(path)] if exact else system.globStatus(path)
        if not exact and (found is None or not len(found)):
            raise UsageError("there is no such file or folder", where=f"'{uri}'", todo="check the address")
        tops = self._statuses(self._array(found) if exact else found)
        given = uri.rstrip("/")
        return [self._root(given if exact else top.path, top, enter) for top in tops]

    def stat(self, uris: Sequence[str]) -> list[Status | None]:
        """The status of each of many files, asked for side by side; None for what is not there.

        Raises:
            EngineError: A file system is unknown or not there.
        """

        def ask(uri: str) -> Status | None:
            with self._said(uri):
                path = self._path(uri)
                system = path.getFileSystem(self._conf)
                try:
                    return self._statuses(self._array([system.getFileStatus(path)]))[0]
                except Exception as error:
                    if _java_class(error).endswith("FileNotFoundException"):
                        return None
                    raise

        with ThreadPoolExecutor(_ASK_AT_ONCE) as pool:
            return list(pool.map(ask, uris))

    def read(self, path: str, *, size: int = 0) -> bytes:
        """All bytes of a file.

        Args:
            path: As Hadoop spells it.
            size: About how long it is: a large file goes past the Java machine's small memory.

        Raises:
            DecodeError: `missing-file` or `unreadable-file`.
        """
        try:
            where = self._path(path)
            system = where.getFileSystem(self._conf)
            if size > _SMALL:
                with tempfile.TemporaryDirectory(prefix="overread-") as folder:
                    copy = Path(folder) / "image"
                    self._copy(system, where, copy)
                    return copy.read_bytes()
            stream = system.open(where)
            try:
                return bytes(stream.readAllBytes())
            finally:
                stream.close()
        except Exception as error:
            raise refusal(error) from error

    def refused(self, path: str) -> DecodeError | None:
        """Why a file cannot be opened; None where it can."""
        try:
            where = self._path(path)
            where.getFileSystem(self._conf).open(where).close()
        except Exception as error:
            return refusal(error)
        return None

    def fetch(self, path: str, to: Path) -> None:
        """Copy one file to this machine.

        Raises:
            EngineError: It cannot be read.
        """
        with self._said(path):
            where = self._path(path)
            self._copy(where.getFileSystem(self._conf), where, to)

    def _copy(self, system: Any, where: Any, to: Path) -> None:
        """Let the Java machine, which stands beside this process, write a file here."""
        system.copyToLocalFile(False, where, self._path(f"file://{to.absolute()}"), True)

    def _root(self, uri: str, top: Status, enter: Callable[[str], bool]) -> Root:
        if not top.is_folder:
            return Root(uri, top.path, False, ((top.name, top),))
        files: list[tuple[str, Status]] = []
        closed: list[tuple[str, str]] = []
        pending = [("", top.path)]
        while pending:
            below, folder = pending.pop()
            try:
                inside = self._inside(folder)
            except Exception as error:
                if not below:
                    raise self._sentence(uri, error) from error
                closed.append((below, f"the folder could not be opened: {_java_says(error)}"))
                continue
            for one in inside:
                name = f"{below}/{one.name}" if below else one.name
                if not one.is_folder:
                    files.append((name, one))
                elif enter(one.name):
                    pending.append((name, one.path))
        return Root(
            uri, top.path, True, tuple(sorted(files, key=lambda file: file[0])), tuple(sorted(closed))
        )

    def _inside(self, folder: str) -> list[Status]:
        path = self._path(folder)
        return self._statuses(path.getFileSystem(self._conf).listStatus(path))

    def _path(self, uri: str) -> Any:
        return self._jvm.org.apache.hadoop.fs.Path(uri)

    def _array(self, items: Sequence[Any]) -> Any:
        gateway: Any = self._session.sparkContext._gateway
        array = gateway.new_array(self._jvm.org.apache.hadoop.fs.FileStatus, len(items))
        for at, item in enumerate(items):
            array[at] = item
        return array

    def _statuses(self, array: Any) -> list[Status]:
        """Two answers of the Java machine for a whole folder; six a file take a minute for 100,000."""
        gateway: Any = self._session.sparkContext._gateway
        count = len(array)
        writables = gateway.new_array(self._jvm.org.apache.hadoop.io.Writable, count)
        self._jvm.java.lang.System.arraycopy(array, 0, writables, 0, count)
        written = bytes(self._jvm.org.apache.hadoop.io.WritableUtils.toByteArray(writables))
        return parse_statuses(written, count)

    @contextmanager
    def _said(self, uri: str) -> Iterator[None]:
        try:
            yield
        except (UsageError, EngineError):
            raise
        except Exception as error:
            raise self._sentence(uri, error) from error

    def _sentence(self, uri: str, error: Exception) -> EngineError:
        name, said = _java_class(error), _java_says(error)
        match = _URI.match(uri)
        if name.endswith("UnsupportedFileSystemException") or "ClassNotFoundException" in str(error):
            return EngineError(
                f"Spark has no file system for {match[1] if match else uri}",
                where=f"'{uri}'",
                todo="add its jar with spark.jars.packages, see docs/how-to/spark-storage.md",
            )
        if name.endswith("FileNotFoundException"):
            return EngineError("there is no such file", where=f"'{uri}'", todo="check the address")
        return EngineError(
            f"could not be reached: {said}",
            where=f"'{uri}'",
            todo="check the address, the rights of Spark's user and its settings, see"
            " docs/how-to/spark-storage.md",
        )


def refusal(error: Exception) -> DecodeError:
    """What a reject says of a file that Hadoop could not read."""
    if _java_class(error).endswith("FileNotFoundException"):
        return missing_file()
    return unreadable_file(_java_says(error))


def _java_class(error: Exception) -> str:
    thrown = getattr(error, "java_exception", None)
    return str(thrown.getClass().getName()) if thrown is not None else type(error).__name__


def _java_says(error: Exception) -> str:
    """The first line of what went wrong, without stack and paths' authorities' secrets."""
    thrown = getattr(error, "java_exception", None)
    said = thrown.getMessage() if thrown is not None else str(error)
    line = next((line.strip() for line in str(said or "").splitlines() if line.strip()), "")
    return (line or _java_class(error).rpartition(".")[2])[:200]
