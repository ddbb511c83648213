"""Small image files for the cohort's tests."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image


def picture(seed: int, *, width: int = 24, height: int = 16, kind: str = "JPEG") -> bytes:
    """An encoded image of smooth noise, another one for each seed."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (4, 4, 3), np.uint8))
    file = io.BytesIO()
    small.resize((width, height), Image.Resampling.BICUBIC).save(file, kind)
    return file.getvalue()


def write_class_folders(source: Path, counts: Mapping[str, int], *, first: int = 0) -> Path:
    """`source/CLASS/NNN.jpg`, all different."""
    seed = first
    for name, count in counts.items():
        (source / name).mkdir(parents=True, exist_ok=True)
        for at in range(count):
            (source / name / f"{at:03d}.jpg").write_bytes(picture(seed))
            seed += 1
    return source


def write_table(path: Path, rows: Iterable[Mapping[str, object]]) -> Path:
    """A CSV file of these rows; the first names the columns."""
    rows = list(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_patients(source: Path, *, patients: int = 12, each: int = 2) -> list[dict[str, object]]:
    """Images of patients beside rows for a table: every second patient's are malignant."""
    source.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, object]] = []
    for patient in range(patients):
        for at in range(each):
            name = f"{patient:03d}_{at}"
            (source / f"{name}.jpg").write_bytes(picture(1000 + 10 * patient + at))
            label = "malignant" if patient % 2 else "benign"
            rows.append(
                {
                    "image": name,
                    "label": label,
                    "patient_id": f"P{patient:03d}",
                    "age": "80.0",
                    "sex": "female",
                }
            )
    return rows
