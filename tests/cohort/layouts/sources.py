"""Miniature sources in the layouts that people really have."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from overread.cohort.candidates import Listing
from overread.cohort.layouts import list_source
from overread.cohort.settings import IngestSettings


def listed(source: Path, *, optional: bool = False, **settings: object) -> Listing:
    """The listing of a source; the images need not be there where `optional` says so."""
    said = IngestSettings(**settings)  # type: ignore[arg-type]
    return list_source(source, settings=said, images="optional" if optional else "required")


def lay(source: Path, *, images: Sequence[str] = (), **texts: str | bytes) -> Path:
    """Files of these contents and empty images below a folder; `__` in a keyword is a dot."""
    source.mkdir(parents=True, exist_ok=True)
    for name in images:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).touch()
    for key, content in texts.items():
        path = source / key.replace("__", ".")
        content = content.encode() if isinstance(content, str) else content
        path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return source


HAM = """lesion_id,image_id,dx,dx_type,age,sex,localization
HAM_1,ISIC_1,mel,histo,80.0,male,scalp
HAM_1,ISIC_2,mel,histo,80.0,male,scalp
HAM_2,ISIC_3,nv,confocal,,female,back
HAM_3,ISIC_4,bkl,follow_up,0.0,unknown,unknown
"""

NIH = """Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,\
OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],
1_0.png,Mass|Edema,0,1,058Y,M,PA,2682,2749,0.143,0.143,
1_1.png,No Finding,1,1,059Y,M,AP,2682,2749,0.143,0.143,
2_0.png,Hernia,0,2,413Y,F,PA,2682,2749,0.143,0.143,
3_0.png,Mass,0,3,006M,F,PA,2682,2749,0.143,0.143,
"""


def write_npz(path: Path, **arrays: NDArray[np.generic]) -> Path:
    """A `.npz` file of these arrays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]
    return path


def pixels(*shape: int, seed: int = 0) -> NDArray[np.uint8]:
    """Noise of this shape."""
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
