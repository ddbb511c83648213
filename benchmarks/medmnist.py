"""Our default study on a MedMNIST file beside the published figures: AUC and accuracy with intervals.

`python benchmarks/medmnist.py FILE.npz` trains what `overread run` would with nothing but the file as its
source, and reads test where the file has one. A name instead of a path ("bloodmnist", "pneumoniamnist_64") is
fetched from where MedMNIST is published, into `--cache`. The official split is kept.

PneumoniaMNIST's test split comes from other films than train and val: what is reached on val (0.99) says
little of it. Accuracy is at 0.5 of a score that is calibrated at the share of pneumonia in train and val.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
from default_study import SPLITS, Arrays, run_default
from rich.console import Console
from rich.table import Table
from runner import SHARED
from told import tell

DEFAULT = SHARED / "data" / "medmnist" / "pneumoniamnist.npz"
PUBLISHED = "https://zenodo.org/records/10519652/files/{name}.npz?download=1"
# Yang et al., MedMNIST v2, Scientific Data 10, 41 (2023): test AUC, test accuracy.
PEERS: dict[str, dict[str, tuple[float, float]]] = {
    "pneumoniamnist": {
        "ResNet-18, 28 px": (0.944, 0.854),
        "ResNet-18, 224 px": (0.956, 0.864),
        "ResNet-50, 28 px": (0.948, 0.854),
        "ResNet-50, 224 px": (0.962, 0.884),
        "auto-sklearn": (0.942, 0.855),
        "AutoKeras": (0.947, 0.878),
        "Google AutoML Vision": (0.991, 0.946),
    }
}


def main() -> None:
    asked = _arguments()
    path = asked.file if asked.file.exists() else fetched(str(asked.file), cache=asked.cache)
    arrays = read_arrays(path)
    if asked.test is not None:
        arrays |= read_test(asked.test)
    name = path.stem
    with tempfile.TemporaryDirectory(prefix="overread-bench-") as made:
        found = run_default(arrays, asked.out or Path(made), name=name)
    found["peers"] = {
        peer: {"auc": auc, "accuracy": accuracy}
        for peer, (auc, accuracy) in PEERS.get(name.partition("_")[0], {}).items()
    }
    tell(found, show, as_json=asked.json)


def read_arrays(path: Path) -> Arrays:
    """The images and labels of a file in MedMNIST's form."""
    with np.load(path, allow_pickle=False) as file:
        names = [f"{split}_{kind}" for split in SPLITS for kind in ("images", "labels")]
        arrays = {name: file[name] for name in names if name in file.files}
    lacking = [name for name in names[:4] if name not in arrays]
    if lacking:
        sys.exit(f"{path}: {lacking[0]} is missing; bring a file with train and val")
    return arrays


def read_test(path: Path) -> Arrays:
    """`test_images` and `test_labels`, or in a file of one split `images` and `labels`."""
    with np.load(path, allow_pickle=False) as file:
        for images, labels in (("test_images", "test_labels"), ("images", "labels")):
            if images in file.files and labels in file.files:
                return {"test_images": file[images], "test_labels": file[labels]}
    sys.exit(f"{path}: expected test_images and test_labels, or images and labels")


def fetched(name: str, *, cache: Path) -> Path:
    """An official file by its name, from the cache or from where MedMNIST is published."""
    path = cache / f"{name.removesuffix('.npz')}.npz"
    if path.is_file():
        return path
    address = PUBLISHED.format(name=path.stem)
    if not path.stem.partition("_")[0].endswith("mnist"):
        sys.exit(f"there is no file '{name}'; give a path, or a name such as bloodmnist or pneumoniamnist_64")
    print(f"fetching {address} …", file=sys.stderr)
    cache.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".tmp")
    try:
        with urllib.request.urlopen(address, timeout=30) as source, unfinished.open("wb") as target:
            while block := source.read(1 << 20):
                target.write(block)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        sys.exit(f"{path.stem} cannot be fetched ({error}); bring {address} and put it at {path}")
    unfinished.replace(path)
    return path


def show(found: dict[str, Any]) -> None:
    """The table."""
    table = Table(title=f"{found['name']}: the default study beside published figures (test)")
    for column in ("reader", "AUC", "accuracy", "balanced accuracy", "images"):
        table.add_column(column, justify="left" if column == "reader" else "right")
    for split in ("test", "tune"):
        if found[split] is not None:
            cells = [_cell(found[split][key]) for key in ("auc", "accuracy", "balanced_accuracy")]
            title = "Overread, test" if split == "test" else "Overread, val (by networks that left it out)"
            table.add_row(title, *cells, str(found[split]["images"]))
    for peer, one in found["peers"].items():
        table.add_row(peer, f"{one['auc']:.3f}", f"{one['accuracy']:.3f}", "", "")
    console = Console()
    console.print(table)
    console.print(
        f"{found['wall_seconds']:.0f} s, {found['cpu_seconds']:.0f} CPU seconds; "
        f"{found['copies_left_out']} images of train left out that stand in val or test as well"
    )
    for sentence in [*found["leakage"], *found["notes"]]:
        console.print(f"· {sentence}")


def _cell(figure: dict[str, float]) -> str:
    return f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, default=DEFAULT, help="FILE.npz, or an official name")
    parser.add_argument("--test", type=Path, help="another .npz with the test split")
    parser.add_argument("--out", type=Path, help="keep everything here; goes on where it was interrupted")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "overread" / "medmnist")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
