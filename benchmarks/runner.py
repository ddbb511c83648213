"""What featurize.py and train.py share: the images, and contenders in processes of their own."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from timing import FIRST, cycle

ROOT = Path(__file__).parents[1]
SHARED = Path(os.environ.get("OVERREAD_SHARED", ROOT.parent / "shared"))

# glibc otherwise gives large blocks back to the system and asks for them anew, batch after batch.
TUNED_ENVIRONMENT = {"MALLOC_MMAP_THRESHOLD_": "4000000000", "MALLOC_TRIM_THRESHOLD_": "8000000000"}
NOT_INSTALLED = "not installed: docs/explanation/speed.md says how"


@dataclass(frozen=True)
class Peers:
    """The Python that has TensorFlow and Keras, as far as there is one.

    Attributes:
        python: Its path; None where nobody named one.
        versions: Of the libraries that it has; "architecture" is Keras's name of the network.
    """

    python: Path | None
    versions: dict[str, str | None]

    @classmethod
    def find(cls, asked: argparse.Namespace) -> Peers:
        """Ask the Python of `--peers-python`, or of OVERREAD_PEERS, what it has."""
        named = asked.peers_python or os.environ.get("OVERREAD_PEERS")
        if not named:
            return cls(None, {})
        python = Path(named)
        found = contend("peers.py", Path(), "versions", {"backbone": asked.backbone}, python=python)
        return cls(python, found)

    def lack(self, *libraries: str) -> str | None:
        """Why a contender that needs these libraries cannot run; None where it can."""
        if self.python is None or any(not self.versions.get(name) for name in libraries):
            return NOT_INSTALLED
        return None if self.versions["architecture"] else "keras.applications has no such network"


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that both benchmarks take."""
    add_image_arguments(parser)
    parser.add_argument(
        "--peers-python", help="a Python with TensorFlow and Keras; default: OVERREAD_PEERS, else without"
    )


def add_image_arguments(parser: argparse.ArgumentParser) -> None:
    """Images, network, and whom the figures are printed for."""
    parser.add_argument(
        "--images", type=Path, help="folder of JPEG files; default: shared data, else phantoms"
    )
    parser.add_argument("--backbone", default="mobilenetv2_100", help="any timm name")
    parser.add_argument("--weights", help="as in a study; default: the shared folder's, else random")
    parser.add_argument("--image-size", type=int, default=224, help="side of the input in pixels")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def prepare_images(folder: Path | None, count: int, work: Path) -> str:
    """The same images twice: as files for theirs, and as Parquet of encoded bytes for ours."""
    if folder is None:
        folder = SHARED / "data" / "skin" / "train"
    if not folder.is_dir():
        from overread.imaging.phantoms import generate_skin

        folder = generate_skin(work / "phantoms", patients=max(4, min(count, 60)), seed=0)
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in {".jpg", ".jpeg"})
    if not paths:
        sys.exit(f"'{folder}' holds no JPEG; name a folder with --images")
    (work / "images").mkdir()
    rows: dict[str, list[Any]] = {"image_id": [], "uri": [], "content": []}
    for at, path in enumerate(cycle(paths, count)):
        copy = work / "images" / f"{at:06d}.jpg"
        shutil.copyfile(path, copy)
        rows["image_id"].append(copy.stem)
        rows["uri"].append(str(copy))
        rows["content"].append(path.read_bytes())
    schema = pa.schema([("image_id", pa.string()), ("uri", pa.string()), ("content", pa.binary())])
    table = pa.table(rows, schema=schema)
    pq.write_table(table, work / "images.parquet", row_group_size=64, compression="none")
    pq.write_table(table.slice(0, FIRST), work / "first.parquet", compression="none")
    return f"{folder} ({len(paths)} images)"


def default_weights(backbone: str) -> str:
    """The shared folder's weights of a network, where there are any."""
    folder = SHARED / "weights" / backbone
    return f"local-dir:{folder}" if (folder / "model.safetensors").is_file() else "none"


def contend(
    script: str,
    work: Path,
    name: str,
    options: dict[str, Any],
    *,
    tuned: bool = False,
    python: Path | None = None,
) -> dict[str, Any]:
    """Run one contender alone in a new process; its own messages go to the terminal."""
    command = [str(python or sys.executable), str(Path(__file__).with_name(script)), str(work), name]
    done = subprocess.run(
        [*command, json.dumps(options)],
        env={**os.environ, **(TUNED_ENVIRONMENT if tuned else {})},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"contender '{name}' failed; its own message stands above")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
