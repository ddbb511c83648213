"""Draw a small stand-in for HAM10000, so that the example runs where the photographs are not.

    python make_small.py FOLDER

The folder looks like Kaggle's: HAM10000_metadata.csv with the columns of the real table, photographs in two
folders, and hmnist_28_28_RGB.csv with the same pictures as 28 × 28 pixels. Seven kinds of lesions are drawn
so that they differ and overlap; some have several pictures, some rows lack an age or a sex. They are
drawings: what a reader reaches on them says that the parts work together, and nothing else.
"""

from __future__ import annotations

import argparse
import csv
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from overread.imaging.phantoms.artefacts import draw_camera, photograph
from overread.imaging.phantoms.fields import plane
from overread.imaging.phantoms.lesion import Pigment, lay_pigment
from overread.imaging.phantoms.skin import colour_skin, draw_skin
from overread.imaging.phantoms.traits import draw_traits

HEIGHT, WIDTH = 150, 200
COLUMNS = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization")
# What the label of Kaggle's table of pixels numbers.
CODES = {"akiec": 0, "bcc": 1, "bkl": 2, "df": 3, "nv": 4, "vasc": 5, "mel": 6}
PICTURES = ((1, 2, 3, 4), (0.70, 0.20, 0.08, 0.02))


@dataclass(frozen=True)
class Kind:
    """One kind of lesion.

    Attributes:
        lesions: How many are drawn.
        age: Mean age of those who have it, in years.
        site: Where it is most often.
        malignancy: How irregular it looks, see `draw_traits`.
        melanin, blood: What becomes of the pigment's depth: the share that stays brown, and that is red.
        veil, scar: Blue-grey haze over the lesion, and white in its middle, 0..1.
    """

    lesions: int
    age: float
    site: str
    malignancy: float
    melanin: float = 1.0
    blood: float = 0.0
    veil: float = 0.0
    scar: float = 0.0


KINDS = {
    "nv": Kind(60, 45, "trunk", -1.6),
    "mel": Kind(26, 60, "back", 1.6, melanin=1.3),
    "bkl": Kind(26, 65, "face", -0.4, melanin=0.55),
    "bcc": Kind(20, 66, "back", 0.4, melanin=0.25, blood=0.25, veil=0.55),
    "akiec": Kind(16, 68, "face", 0.2, melanin=0.2, blood=0.5),
    "vasc": Kind(14, 50, "abdomen", -1.0, melanin=0.05, blood=1.3),
    "df": Kind(14, 50, "lower extremity", -0.8, melanin=0.6, scar=0.9),
}


def coloured(pigment: Pigment, kind: Kind, rng: np.random.Generator) -> Pigment:
    """The pigment of a lesion in its kind's colours, each lesion a little off."""
    depth = pigment.melanin * np.float32(np.exp(rng.normal(0, 0.2)))
    x, y = plane(HEIGHT, WIDTH)
    middle = np.exp(-((x / 0.22) ** 2) - (y / 0.22) ** 2).astype(np.float32)
    shape = np.clip(depth, 0, 1)
    return Pigment(
        melanin=np.float32(kind.melanin) * depth,
        blood=pigment.blood + np.float32(kind.blood) * depth,
        veil=np.clip(pigment.veil + np.float32(kind.veil) * shape, 0, 1),
        scar=np.clip(pigment.scar + np.float32(kind.scar) * middle, 0, 1),
    )


def draw_lesion(name: str, number: int, *, pictures: int, seed: int) -> Iterator[NDArray[np.uint8]]:
    """Draw pictures of one lesion: the lesion is the same, light, hairs and noise are not.

    Yields:
        uint8 [HEIGHT, WIDTH, 3].
    """
    kind, start = KINDS[name], [seed, CODES[name], number]
    rng = np.random.default_rng(start)
    skin, traits = draw_skin(rng), draw_traits(kind.malignancy + 0.6 * rng.standard_normal(), rng)
    pigment = coloured(lay_pigment(traits, rng, height=HEIGHT, width=WIDTH), kind, rng)
    for picture in range(pictures):
        light = np.random.default_rng([*start, picture])
        camera = replace(draw_camera(light), height=HEIGHT, width=WIDTH)
        yield photograph(colour_skin(skin, pigment, light), camera, light, hairs=skin.hairs)


def rows_of(name: str, *, first: int, seed: int) -> Iterator[tuple[int, dict[str, str], int]]:
    """What the table says of each lesion of a kind: (its number, its row without image_id, pictures)."""
    kind = KINDS[name]
    for number in range(kind.lesions):
        rng = np.random.default_rng([seed, 7 + CODES[name], number])
        age = f"{5 * round(float(np.clip(rng.normal(kind.age, 14), 5, 85)) / 5)}.0"
        sex = str(rng.choice(["male", "female"], p=[0.55, 0.45]))
        site = (
            kind.site if rng.random() < 0.4 else str(rng.choice(["back", "trunk", "face", "upper extremity"]))
        )
        if (
            name == "nv" and number % 20 == 0
        ):  # as in the real table, where most of what lacks them is a nevus
            age, sex = ("", sex) if number else (age, "unknown")
        said = {
            "lesion_id": f"HAM_{first + number:07d}",
            "dx": name,
            "dx_type": "histo",
            "age": age,
            "sex": sex,
        }
        yield number, {**said, "localization": site}, int(rng.choice(PICTURES[0], p=PICTURES[1]))


def make_small(folder: Path, *, seed: int = 0) -> dict[str, int]:
    """Write the stand-in; the same seed gives the same bytes.

    Args:
        folder: Where to; must not exist.
        seed: Of everything.

    Returns:
        Pictures of each class.
    """
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    parts = [partial / f"HAM10000_images_part_{half}" for half in (1, 2)]
    for part in parts:
        part.mkdir(parents=True)
    counts, lesions, pictures = dict.fromkeys(KINDS, 0), 0, 0
    with (
        (partial / "HAM10000_metadata.csv").open("w", newline="", encoding="utf-8") as table_file,
        (partial / "hmnist_28_28_RGB.csv").open("w", newline="", encoding="utf-8") as pixel_file,
    ):
        table, pixels = (
            csv.DictWriter(table_file, COLUMNS, lineterminator="\n"),
            csv.writer(pixel_file, lineterminator="\n"),
        )
        table.writeheader()
        pixels.writerow([*(f"pixel{at:04d}" for at in range(28 * 28 * 3)), "label"])
        for name, kind in KINDS.items():
            for number, said, many in rows_of(name, first=lesions, seed=seed):
                for image in draw_lesion(name, number, pictures=many, seed=seed):
                    image_id, picture = f"ISIC_{pictures:07d}", Image.fromarray(image)
                    picture.save(parts[pictures % 2] / f"{image_id}.jpg", quality=92)
                    table.writerow({**said, "image_id": image_id})
                    small = picture.resize((28, 28), Image.Resampling.LANCZOS)
                    pixels.writerow([*np.asarray(small).ravel().tolist(), CODES[name]])
                    counts[name] += 1
                    pictures += 1
            lesions += kind.lesions
    partial.rename(folder)
    return counts


def main() -> None:
    """Read the command line, and do it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="Where to; left as it is where it is there already.")
    parser.add_argument("--seed", type=int, default=0)
    said = parser.parse_args()
    if said.folder.exists():
        print(f"{said.folder} is there already")
        return
    counts = make_small(said.folder, seed=said.seed)
    print(
        f"{said.folder}: {sum(counts.values())} drawings, "
        + ", ".join(f"{n} {name}" for name, n in counts.items())
    )


if __name__ == "__main__":
    main()
