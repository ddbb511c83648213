"""What a dermatoscope adds to the picture: hairs, gel bubbles, a ruler, uneven light, dark corners.

None of it depends on the class.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from overread.imaging.phantoms.fields import Field, plane, smooth_step, softened


@dataclass(frozen=True)
class Camera:
    """How one patient's images were taken.

    Attributes:
        height: In pixels.
        width: In pixels.
        balance: Gain of red, green and blue.
        exposure: Gain of all.
        falloff: How much darker the corners are, 0..1.
        tube: Radius of the round field of view in halves of the shorter side; None where none is seen.
        noise: Standard deviation of the sensor's noise, 0..1.
        ruler: Whether a ruler lies at the lower edge.
        bubbles: Mean number of bubbles in the gel.
    """

    height: int
    width: int
    balance: tuple[float, float, float]
    exposure: float
    falloff: float
    tube: float | None
    noise: float
    ruler: bool
    bubbles: float


def draw_camera(rng: np.random.Generator) -> Camera:
    """Draw one camera: 320 to 480 pixels on the longer side."""
    long = int(rng.integers(320, 481))
    ratio = float(rng.choice([0.75, 0.75, 1.0, 2 / 3]))
    warm, green = rng.normal(0, 0.05), rng.normal(0, 0.025)
    return Camera(
        height=round(long * ratio),
        width=long,
        balance=(1 + warm, 1 + green, 1 - warm),
        exposure=float(rng.uniform(0.86, 1.08)),
        falloff=float(rng.beta(1.5, 3.0) * 0.45),
        tube=float(rng.uniform(1.05, 1.3)) if rng.random() < 0.18 else None,
        noise=float(rng.uniform(0.004, 0.014)),
        ruler=bool(rng.random() < 0.15),
        bubbles=float(rng.choice([0.0, 3.0, 10.0], p=[0.7, 0.2, 0.1])),
    )


def photograph(
    reflectance: NDArray[np.float32], camera: Camera, rng: np.random.Generator, *, hairs: float
) -> NDArray[np.uint8]:
    """Photograph a scene.

    Args:
        reflectance: float32 [3, height, width], 0..1; overwritten.
        camera: Whose picture it is; its size is that of `reflectance`.
        rng: Where the chance comes from.
        hairs: Mean number of hairs.

    Returns:
        uint8 [height, width, 3].
    """
    scene = reflectance
    strands, bubbles = int(rng.poisson(hairs)), int(rng.poisson(camera.bubbles))
    if strands:
        _cover(scene, _hairs(rng, strands, camera), (0.13, 0.10, 0.09))
    if camera.ruler:
        _cover(scene, _ruler(rng, camera), (0.08, 0.08, 0.09))
    if bubbles:
        _cover(scene, np.float32(0.5) * _bubbles(rng, bubbles, camera), (1.0, 1.0, 1.0))
    light = _light(rng, camera)
    grain = np.float32(camera.noise) * rng.standard_normal((camera.height, camera.width), np.float32)
    for channel in range(3):
        scene[channel] *= np.float32(camera.balance[channel]) * light
        scene[channel] += grain
    levels = np.clip(scene, 0, 1) * np.float32(255) + np.float32(0.5)
    return np.ascontiguousarray(levels.astype(np.uint8).transpose(1, 2, 0))


def _cover(
    scene: NDArray[np.float32], share: NDArray[np.float32], colour: tuple[float, float, float]
) -> None:
    """Blend a colour over the scene, in place."""
    for channel in range(3):
        scene[channel] += share * (np.float32(colour[channel]) - scene[channel])


def _hairs(rng: np.random.Generator, count: int, camera: Camera) -> NDArray[np.float32]:
    """Curved strands, mostly along one direction, drawn at twice the size for smooth edges."""
    drawing = Image.new("L", (2 * camera.width, 2 * camera.height))
    pen = ImageDraw.Draw(drawing)
    along = rng.uniform(0, np.pi)
    steps = np.linspace(0, 1, 16)
    for _ in range(count):
        angle = along + rng.normal(0, 0.5)
        length = 2 * camera.width * rng.uniform(0.3, 1.1)
        start = rng.uniform(-0.1, 1.1, 2) * (2 * camera.width, 2 * camera.height)
        ahead = np.array([np.cos(angle), np.sin(angle)])
        sideways = np.array([-ahead[1], ahead[0]]) * rng.normal(0, 0.15) * length
        points = start + np.outer(steps - 0.5, ahead * length) + np.outer((2 * steps - 1) ** 2, sideways)
        pen.line(
            [(float(across), float(down)) for across, down in points],
            fill=int(rng.integers(130, 250)),
            width=int(rng.integers(2, 5)),
            joint="curve",
        )
    return np.asarray(drawing.reduce(2), np.float32) / np.float32(255)


def _ruler(rng: np.random.Generator, camera: Camera) -> NDArray[np.float32]:
    """Millimetre marks along the lower edge, every fifth longer."""
    drawing = Image.new("L", (camera.width, camera.height))
    pen = ImageDraw.Draw(drawing)
    pitch = camera.width / rng.uniform(16, 30)
    low, start, slope = camera.height - rng.uniform(4, 14), rng.uniform(0, pitch), rng.normal(0, 0.02)
    for mark in range(int(camera.width / pitch) + 1):
        across = start + mark * pitch
        foot = low + slope * across
        pen.line((across, foot, across, foot - (18 if mark % 5 == 0 else 10)), fill=220, width=2)
    return softened(drawing)


def _bubbles(rng: np.random.Generator, count: int, camera: Camera) -> NDArray[np.float32]:
    """Bright rims with a glint."""
    drawing = Image.new("L", (camera.width, camera.height))
    pen = ImageDraw.Draw(drawing)
    for _ in range(count):
        across, down = rng.uniform(0, camera.width), rng.uniform(0, camera.height)
        size = float(np.exp(rng.normal(1.4, 0.5)))
        pen.ellipse((across - size, down - size, across + size, down + size), outline=170)
        glint = size / 2
        pen.ellipse((across - glint, down - glint, across - glint / 4, down - glint / 4), fill=230)
    return softened(drawing)


def _light(rng: np.random.Generator, camera: Camera) -> NDArray[np.float32]:
    """Exposure, a sideways gradient, darker corners and the tube's edge: float32 [height, width]."""
    x, y = plane(camera.height, camera.width)
    gradient = rng.normal(0, 0.03, 2).astype(np.float32)
    away = np.hypot(x, y)
    reach = np.float32(np.hypot(camera.width, camera.height) / min(camera.width, camera.height))
    light: Field = np.float32(camera.exposure) * (1 + gradient[0] * x + gradient[1] * y)
    light *= 1 - np.float32(camera.falloff) * (away / reach) ** 2
    if camera.tube is not None:
        light *= 1 - np.float32(0.96) * smooth_step(away, camera.tube - 0.06, camera.tube + 0.03)
    return light
