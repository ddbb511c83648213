"""Cases that Python answers, for the TypeScript of the reader to answer alike (web/tests/reader/parity)."""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import simplejpeg
from PIL import Image, PngImagePlugin

from overread.bundle.manifest import (
    ConformalRule,
    ManifestDraft,
    MetadataField,
    OperatingPoint,
    Task,
    TriageRule,
)
from overread.bundle.metadata import tell
from overread.bundle.triage import decide, why_not
from overread.errors import DecodeError, UsageError
from overread.imaging import decode
from overread.imaging.jpeg import upright
from tests.bundle.conftest import make_draft
from tests.imaging.samples import encoded, oriented, picture

_SEED = 20261121


def write_vectors(folder: Path) -> None:
    """Write every file of cases into a folder."""
    rng = np.random.default_rng(_SEED)
    for name, cases in {
        "triage": list(_triage(rng)),
        "metadata": list(_metadata()),
        "digits": [[_text(value), format(value, ".9g")] for value in _numbers(rng)],
        "upright": list(_upright()),
    }.items():
        (folder / f"{name}.json").write_text(json.dumps(cases), encoding="utf-8")
    _write_files(folder, "jpeg", _jpegs(rng))
    _write_files(folder, "png", _pngs(rng))


def _text(value: float) -> str:
    # JSON has no NaN; repr gives every float back.
    return repr(float(value))


def _numbers(rng: np.random.Generator) -> Iterator[float]:
    yield from (0.0, -0.0, 1.0, 0.131, 1e-5, 123456789.0, 1234567890.0, 1e22, 5e-324, 2.0**-13, 3 * 2.0**-14)
    yield from (float("nan"), float("inf"), float("-inf"), 0.999999999999, 9.9999999995, 0.5, 100.0, 1e-4)
    yield from (float(value) for value in np.exp(rng.normal(0, 12, 200)) * rng.choice([-1, 1], 200))
    yield from (float(value) for value in rng.random(200, np.float32))


def _triage(rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    tasks: tuple[tuple[Task, int], ...] = (("binary", 1), ("multiclass", 3), ("multilabel", 3))
    for task, count in tasks:
        names = ("mel", "bcc", "nev")[:count]
        urgent = names[:2]
        for rule in (None, *(_conformal(rng, task, count) for _ in range(6))):
            cuts = rng.random(len(urgent)).round(2)
            points = [("", 0.4)] if task == "multiclass" else list(zip(urgent, cuts.tolist(), strict=True))
            draft = make_draft(
                task=task,
                classes=names,
                operating_points=tuple(
                    OperatingPoint(name=f"p{at}", class_name=name, threshold=cut, rule="r")
                    for at, (name, cut) in enumerate([*points, *points])
                ),
                triage=TriageRule(urgent=urgent, novelty_threshold=5.0, conformal=rule),
            )
            yield {"manifest": _told(draft), "label": draft.operating_label, "cases": _scored(rng, draft)}


def _conformal(rng: np.random.Generator, task: Task, count: int) -> ConformalRule:
    width = count if task == "multiclass" else 2 * count
    lowest = [None if rng.random() < 0.2 else float(rng.random()) for _ in range(width)]
    return ConformalRule(coverage=0.9, lowest=tuple(lowest), patients=(9,) * width)


def _told(draft: ManifestDraft) -> dict[str, Any]:
    told: dict[str, Any] = draft.model_dump(mode="json")
    return {name: told[name] for name in ("task", "classes", "operating_points", "triage")}


def _scored(rng: np.random.Generator, draft: ManifestDraft) -> list[dict[str, Any]]:
    edges = [point.threshold for point in draft.operating_points] + [0.0, 1.0, float("nan"), float("inf")]
    rows = []
    for _ in range(60):
        scores = rng.random(len(draft.classes)).astype(np.float32).astype(np.float64)
        if rng.random() < 0.4:
            scores[rng.integers(len(scores))] = rng.choice(edges)
        novelty = float(rng.choice([0.0, 5.0, np.nextafter(5.0, 6.0), float("nan"), 4.2]))
        rows.append(
            {
                "scores": [_text(score) for score in scores],
                "novelty": _text(novelty),
                "decision": decide(scores, novelty, manifest=draft),
                "reason": why_not(scores, novelty, manifest=draft),
            }
        )
    return rows


_FIELDS = (
    MetadataField(name="age", kind="number", unit="years"),
    MetadataField(name="sex", kind="category", categories=("F", "M")),
    MetadataField(name="site", kind="category", categories=("back", "Fuß", "Σοφός", "1")),
    MetadataField(name="weight", kind="number", unit="kg"),
)
_SAID: dict[str, tuple[object, ...]] = {
    "age": (
        61,
        61.5,
        0,
        -1,
        125,
        125.1,
        300,
        1e30,
        "058Y",
        "006M",
        "80,5",
        " 61 ",
        "411",
        "old",
        "inf",
        "1e2",
    ),
    "sex": ("F", "female", "Mann", "man", "w", " M ", "x", "unknown", 1),
    "site": ("back", "BACK", " Back ", "fuss", "FUSS", "σοφοσ", "ΣΟΦΌΣ", "arm", "", "n/a", 1),
    "weight": (
        70,
        "70",
        "70,5",
        "1_000",
        "+.5",
        "5.",
        "1e3",
        "1e39",
        3.5e38,
        "nan",
        "seventy",
        "1__0",
        "0x10",
    ),
    "height": (1,),
}


def _metadata() -> Iterator[dict[str, Any]]:
    fields = [field.model_dump(mode="json") for field in _FIELDS]
    for name, values in _SAID.items():
        for value in values:
            given = {name: value}
            try:
                told = tell(_FIELDS, given, where="image")
            except UsageError:
                yield {"fields": fields, "given": given, "values": None, "missing": []}
            else:
                values_told = [_text(number) for number in told.values]
                yield {"fields": fields, "given": given, "values": values_told, "missing": list(told.missing)}


def _upright() -> Iterator[dict[str, Any]]:
    pixels = np.arange(3 * 4 * 3, dtype=np.uint8).reshape(3, 4, 3)
    for orientation in range(1, 9):
        turned = upright(pixels, orientation)
        yield {"orientation": orientation, "shape": list(turned.shape), "pixels": turned.ravel().tolist()}


def _write_files(folder: Path, name: str, files: Iterator[bytes]) -> None:
    blob, rows = bytearray(), []
    for content in files:
        try:
            pixels = decode(content)
            said = {"pixels": hashlib.sha256(pixels.data).hexdigest(), "reason": None}
        except DecodeError as error:
            said = {"pixels": None, "reason": error.reason}
        rows.append({"from": len(blob), "to": len(blob) + len(content), **said})
        blob += content
    (folder / f"{name}.bin").write_bytes(blob)
    (folder / f"{name}.json").write_text(json.dumps(rows), encoding="utf-8")


def _jpegs(rng: np.random.Generator) -> Iterator[bytes]:
    sound = list(_sound_jpegs(rng))
    yield from sound
    for content in sound:
        yield from _other_scans(content)
    progressive = sound[1]
    yield progressive[: progressive.rfind(b"\xff\xda")] + b"\xff\xd9"  # without its last scan
    for _ in range(600):
        yield _harmed(rng, sound[rng.integers(len(sound))])


def _sound_jpegs(rng: np.random.Generator) -> Iterator[bytes]:
    smooth = np.asarray(picture(77, 53), np.int16)
    noisy = Image.fromarray((smooth + rng.integers(-20, 20, smooth.shape)).clip(0, 255).astype(np.uint8))
    for subsampling in (0, 1, 2):
        for progressive in (False, True):
            yield encoded(noisy, "JPEG", subsampling=subsampling, progressive=progressive, quality=90)
        yield encoded(noisy, "JPEG", subsampling=subsampling, restart_marker_blocks=3)
    yield encoded(noisy, "JPEG", restart_marker_rows=1, progressive=True)
    yield encoded(noisy, "JPEG", exif=oriented(6), icc_profile=b"x" * 300)
    yield encoded(noisy, "JPEG", keep_rgb=True)
    for mode in ("L", "CMYK"):
        yield encoded(noisy.convert(mode), "JPEG")
    yield encoded(noisy.resize((330, 260)), "JPEG", quality=92)
    for rare in ("440", "411"):
        yield simplejpeg.encode_jpeg(np.asarray(noisy), colorsubsampling=rare)


def _other_scans(content: bytes) -> Iterator[bytes]:
    """Another band or precision in each scan's header: the order of a progressive file no longer holds."""
    at = content.find(b"\xff\xda")
    while at >= 0:
        last = at + 1 + content[at + 3]  # of the header
        for place, flipped in ((last, 0x10), (last, 0x01), (last - 1, 0x01), (last - 2, 0x01)):
            data = bytearray(content)
            data[place] ^= flipped
            yield bytes(data)
        at = content.find(b"\xff\xda", last)


def _pngs(rng: np.random.Generator) -> Iterator[bytes]:
    sound = []
    kinds = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
    for colour, depths in kinds.items():
        for bits in depths:
            for interlaced in (False, True):
                for size in ((13, 9), (1, 1), (3, 5)):
                    sound.append(_made_png(rng, bits, colour, *size, interlaced=interlaced))
    for orientation in (3, 6):
        sound.append(encoded(picture(), "PNG", exif=oriented(orientation)))
    sound += list(_turned_pngs())
    yield from sound
    for _ in range(150):
        yield _harmed(rng, sound[rng.integers(len(sound))], from_byte=8)


def _turned_pngs() -> Iterator[bytes]:
    """Turned by what ImageMagick and Adobe write, plain and compressed."""
    raw = f"\nexif\n{len(oriented(6).tobytes()):8d}\n{oriented(6).tobytes().hex()}\n"
    xmp = '<rdf:Description tiff:Orientation="8"/>'
    for compressed in (False, True):
        for name, text in (("Raw profile type exif", raw), ("XML:com.adobe.xmp", xmp), ("Comment", xmp)):
            for international in (False, True):
                info = PngImagePlugin.PngInfo()
                if international:
                    info.add_itxt(name, text, lang="de", tkey="x", zip=compressed)
                else:
                    info.add_text(name, text, zip=compressed)
                yield encoded(picture(9, 7), "PNG", pnginfo=info)


_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def _made_png(
    rng: np.random.Generator, bits: int, colour: int, width: int, height: int, *, interlaced: bool
) -> bytes:
    """Random samples under random filters: whatever the bytes, they are some picture."""
    rows = bytearray()
    for left, top, right, down in _ADAM7 if interlaced else ((0, 0, 1, 1),):
        across, lines = -(-(width - left) // right), -(-(height - top) // down)
        if across > 0:
            for _ in range(max(lines, 0)):
                length = -(-across * bits * _CHANNELS[colour] // 8)
                rows += bytes([rng.integers(5)]) + rng.integers(0, 256, length, np.uint8).tobytes()
    head = struct.pack(">LLBBBBB", width, height, bits, colour, 0, 0, int(interlaced))
    palette = rng.integers(0, 256, 3 * min(1 << bits, 10), np.uint8).tobytes()
    data = zlib.compress(bytes(rows))
    parts = [(b"IHDR", head), (b"tEXt", b"a\0b"), *([(b"PLTE", palette)] if colour == 3 else [])]
    parts += [(b"IDAT", data[:7]), (b"IDAT", data[7:]), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(map(_chunk, parts))


def _chunk(part: tuple[bytes, bytes]) -> bytes:
    name, body = part
    return struct.pack(">L", len(body)) + name + body + struct.pack(">L", zlib.crc32(name + body))


def _harmed(rng: np.random.Generator, content: bytes, *, from_byte: int = 3) -> bytes:
    """Cut, or with bits flipped, bytes taken out or put in."""
    data, kind = bytearray(content), rng.integers(5)
    at = int(rng.integers(from_byte, len(data)))
    if kind == 0:
        return bytes(data[:at])
    if kind <= 2:
        for _ in range(kind):
            data[int(rng.integers(from_byte, len(data)))] ^= 1 << int(rng.integers(8))
    elif kind == 3:
        del data[at : at + int(rng.integers(1, 9))]
    else:
        data[at:at] = rng.integers(0, 256, int(rng.integers(1, 5)), np.uint8).tobytes()
    return bytes(data)
