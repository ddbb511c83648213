"""A stage on its way to the workers: pickled once, with the files that it opens."""

from __future__ import annotations

import hashlib
import io
import pickle
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from overread.engine.stage import Stage, Travelling, stage_name
from overread.errors import EngineError

_OPENED: dict[str, Stage] = {}


@dataclass(frozen=True)
class Payload:
    """What a worker needs to open a stage.

    Attributes:
        stage: Pickled by the driver.
        files: The files that it opens, name and bytes each; a folder as a zip.
        digest: Of all that.
    """

    stage: bytes
    files: tuple[tuple[str, bytes], ...]
    digest: str

    @classmethod
    def of(cls, stage: Stage) -> Payload:
        """Pack a stage.

        Raises:
            EngineError: It cannot be pickled.
        """
        try:
            pickled = pickle.dumps(stage)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise EngineError(
                f"cannot be sent to a worker ({error})",
                where=f"stage {stage_name(stage)}",
                todo="define it at the top of a module and open models when it is first called",
            ) from error
        files = tuple(_packed(path) for path in stage.files) if isinstance(stage, Travelling) else ()
        digest = hashlib.sha256(pickled)
        for name, content in files:
            digest.update(name.encode() + content)
        return cls(pickled, files, digest.hexdigest())

    def opened(self) -> Stage:
        """The stage, opened once a worker process, however many tasks it is given.

        Raises:
            EngineError: The stage's class cannot be imported here.
        """
        if self.digest not in _OPENED:
            try:
                stage: Stage = pickle.loads(self.stage)
            except Exception as error:
                raise EngineError(
                    f"the stage could not be opened in a worker ({type(error).__name__}: {error})",
                    todo="install the same version of Overread on every machine of the cluster",
                ) from error
            if self.files and isinstance(stage, Travelling):
                folder = Path(tempfile.mkdtemp(prefix="overread-stage-"))
                for at, (name, content) in enumerate(self.files):
                    (folder / str(at)).mkdir()
                    (folder / str(at) / name).write_bytes(content)
                stage = stage.with_files(
                    tuple(folder / str(at) / name for at, (name, _) in enumerate(self.files))
                )
            _OPENED.clear()  # one model in memory is enough
            _OPENED[self.digest] = stage
        return _OPENED[self.digest]


def _packed(path: Path) -> tuple[str, bytes]:
    if path.is_file():
        return path.name, path.read_bytes()
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(path.rglob("*")):
            if file.is_file():
                info = zipfile.ZipInfo(file.relative_to(path).as_posix())
                archive.writestr(info, file.read_bytes())
    return f"{path.name}.zip", held.getvalue()
