"""Our default study on patches of CT round candidates for lung nodules: nodule or not.

The files hold `images` uint8 [n, 50, 50] and `labels`; see ../shared/data/README.md. Train learns, val says
when to stop and is scored by networks that left it out; `--test FILE` is a file of the same form that nobody
has looked at. The published split is by candidate, not by patient: intervals treat each patch as a patient,
and are too narrow for that.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
from default_study import Arrays, run_default
from medmnist import read_test, show
from runner import SHARED
from told import tell

FOLDER = SHARED / "data" / "luna_patches"


def main() -> None:
    asked = _arguments()
    arrays: Arrays = {}
    for split, path in (("train", asked.train), ("val", asked.val)):
        if not path.is_file():
            sys.exit(f"'{path}' is not there; set OVERREAD_SHARED, or name the file with --{split}")
        with np.load(path, allow_pickle=False) as file:
            arrays |= {f"{split}_images": file["images"], f"{split}_labels": file["labels"]}
    if asked.test is not None:
        arrays |= read_test(asked.test)
    with tempfile.TemporaryDirectory(prefix="overread-bench-") as made:
        found = {**run_default(arrays, asked.out or Path(made), name="luna-patches"), "peers": {}}
    tell(found, show, as_json=asked.json)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", type=Path, default=FOLDER / "train.npz")
    parser.add_argument("--val", type=Path, default=FOLDER / "val.npz")
    parser.add_argument("--test", type=Path, help="another .npz of the same form")
    parser.add_argument("--out", type=Path, help="keep everything here; goes on where it was interrupted")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
