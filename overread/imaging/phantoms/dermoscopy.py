"""Generated dermoscopy: lesions of made-up patients whose class can be learnt, but not perfectly.

Every image follows from (seed, patient, index) alone: a larger set holds the smaller one of the same seed.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from overread.errors import UsageError
from overread.imaging.phantoms.artefacts import Camera, draw_camera, photograph
from overread.imaging.phantoms.lesion import lay_pigment
from overread.imaging.phantoms.skin import Skin, colour_skin, draw_skin
from overread.imaging.phantoms.traits import draw_traits
from overread.progress import SILENT, Progress

SITES = (
    "back", "lower extremity", "trunk", "upper extremity", "abdomen",
    "chest", "face", "foot", "neck", "scalp", "hand", "ear",
)  # fmt: skip
_SITE_SHARES = (0.22, 0.21, 0.14, 0.12, 0.10, 0.05, 0.06, 0.03, 0.02, 0.02, 0.02, 0.01)
# Shares of the variance of the liability to malignancy that age and patient explain; the lesion has the rest.
_AGE_SHARE, _PATIENT_SHARE = 0.18, 0.15
# Distance of the classes in visible malignancy, in standard deviations within a class.
_SEPARATION = 2.7
_VERSION = 1


@dataclass(frozen=True)
class Patient:
    """A made-up patient.

    Attributes:
        number: Which patient of the seed, from 0.
        age: In years.
        sex: "F" or "M".
        risk: Liability to malignancy that all lesions of the patient share, standard normal.
        images: How many images there are, 1..4.
        skin: Shared by all images.
        camera: Shared by all images.
    """

    number: int
    age: float
    sex: str
    risk: float
    images: int
    skin: Skin
    camera: Camera


@dataclass(frozen=True)
class Phantom:
    """One generated image with its reference standard.

    Attributes:
        pixels: uint8 [height, width, 3].
        malignant: The class.
        site: Where on the body, one of SITES.
    """

    pixels: NDArray[np.uint8]
    malignant: bool
    site: str


def draw_patient(seed: int, number: int) -> Patient:
    """Draw patient `number` of `seed`."""
    # The first number tells patients from lesions: (seed, 7) and (seed, 7, 0) would be the same stream.
    rng = np.random.default_rng([1, seed, number])
    youth = rng.standard_normal()
    return Patient(
        number=number,
        age=float(np.clip(np.round((52 + 16 * youth) / 5) * 5, 15, 90)),
        sex="F" if rng.random() < 0.5 else "M",
        risk=float(
            (np.sqrt(_AGE_SHARE) * youth + np.sqrt(_PATIENT_SHARE) * rng.standard_normal())
            / np.sqrt(_AGE_SHARE + _PATIENT_SHARE)
        ),
        images=int(rng.choice([1, 2, 3, 4], p=[0.45, 0.3, 0.15, 0.1])),
        skin=draw_skin(rng),
        camera=draw_camera(rng),
    )


def draw_phantom(seed: int, patient: Patient, index: int, *, malignant_share: float = 0.3) -> Phantom:
    """Draw image `index` of a patient: another lesion on the same skin.

    A lesion is malignant where its liability, partly the patient's, exceeds a threshold (Falconer 1965):
    older patients then have more, and the share over all patients is `malignant_share`.
    """
    rng = np.random.default_rng([2, seed, patient.number, index])
    shared = _AGE_SHARE + _PATIENT_SHARE
    liability = np.sqrt(shared) * patient.risk + np.sqrt(1 - shared) * rng.standard_normal()
    malignant = bool(liability > NormalDist().inv_cdf(1 - malignant_share))
    malignancy = _SEPARATION / 2 * (1 if malignant else -1) + rng.standard_normal()
    site = str(rng.choice(SITES, p=_SITE_SHARES))
    pixels = draw_lesion(malignancy, rng, skin=patient.skin, camera=patient.camera)
    return Phantom(pixels, malignant, site)


def draw_lesion(
    malignancy: float, rng: np.random.Generator, *, skin: Skin | None = None, camera: Camera | None = None
) -> NDArray[np.uint8]:
    """Draw a dermoscopy-like photograph of one lesion.

    Args:
        malignancy: How malignant it looks: benign lesions are about -1, malignant ones about +1.
        rng: Where the chance comes from.
        skin: The patient's; None draws one.
        camera: The patient's; None draws one.

    Returns:
        uint8 [height, width, 3].
    """
    skin = skin or draw_skin(rng)
    camera = camera or draw_camera(rng)
    pigment = lay_pigment(draw_traits(malignancy, rng), rng, height=camera.height, width=camera.width)
    return photograph(colour_skin(skin, pigment, rng), camera, rng, hairs=skin.hairs)


def generate_skin(
    folder: Path,
    *,
    patients: int,
    seed: int,
    malignant_share: float = 0.3,
    quality: int = 92,
    progress: Progress = SILENT,
) -> Path:
    """Write a folder of phantoms with one sub-folder a class, and a table beside them.

    The folder appears when it is complete; the same call again returns it as it is.

    Args:
        folder: Where to; must not hold anything else.
        patients: How many, with one to four images each, on average 1.9.
        seed: Of everything; 0 or more.
        malignant_share: Expected share of malignant images, 0..1.
        quality: Of the JPEG files.
        progress: Who wants to know.

    Returns:
        `folder`, holding benign/NAME.jpg, malignant/NAME.jpg, phantoms.json (what was asked for) and
        labels.csv (image, label, patient_id, age, sex, site).

    Raises:
        UsageError: A number cannot be right, or `folder` holds something else.
    """
    if patients < 1 or seed < 0 or not 0 < malignant_share < 1:
        raise UsageError(
            "expected at least one patient, a seed of 0 or more and a malignant share between 0 and 1, "
            f"got {patients}, {seed} and {malignant_share}"
        )
    asked = json.dumps(
        {
            "version": _VERSION,
            "patients": patients,
            "seed": seed,
            "malignant_share": malignant_share,
            "quality": quality,
        }
    )
    if folder.exists():
        made = folder / "phantoms.json"
        if made.is_file() and made.read_text() == asked:
            return folder
        if any(folder.iterdir()):
            raise UsageError(
                "the folder holds something other than these phantoms",
                where=f"folder '{folder}'",
                todo="name another folder or remove this one",
            )
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    for label in ("benign", "malignant"):
        (partial / label).mkdir(parents=True)
    table = io.StringIO(newline="")
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(["image", "label", "patient_id", "age", "sex", "site"])
    with progress.task("drawing phantoms", patients) as task:
        for number in range(patients):
            patient = draw_patient(seed, number)
            for index in range(patient.images):
                phantom = draw_phantom(seed, patient, index, malignant_share=malignant_share)
                label = "malignant" if phantom.malignant else "benign"
                name = f"{label}/phantom_{number:05d}_{index}.jpg"
                Image.fromarray(phantom.pixels).save(partial / name, quality=quality)
                rows.writerow([name, label, f"P{number:05d}", patient.age, patient.sex, phantom.site])
            task.advance()
    (partial / "labels.csv").write_text(table.getvalue(), newline="")
    (partial / "phantoms.json").write_text(asked)
    if folder.exists():
        folder.rmdir()
    partial.replace(folder)
    return folder
