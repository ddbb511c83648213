"""A reader whose answers one can see: it finds what is darker than skin, and knows nothing but skin.

Screenshots show it with drawn lesions, so that they need neither weights nor photographs of patients.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from onnx import helper, numpy_helper
from PIL import Image

from overread.bundle import ManifestDraft, OperatingPoint, TriageRule, attach, pack
from overread.edge import write_site
from overread.imaging.phantoms import draw_lesion
from overread.imaging.phantoms.others import text_page
from overread.imaging.preprocess import Preprocess, preprocess_graph
from overread.imaging.quality import QualityLimits
from tests.bundle.conftest import make_draft
from tests.reader_model import reader_model

SIZE, CELL = 112, 16
SPEC = Preprocess(size=SIZE, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
_CARD = b"# skin\n\n## Data\n\n| split | images |\n| --- | --- |\n| test | 0 |\n"
_SKIN = (0.78, 0.60, 0.53)


def draw_network() -> bytes:
    """Cells of 16 pixels; each says how much darker it is than skin, and their mean says how likely it is."""
    cells = SIZE // CELL
    constants = {
        "weights": np.full((1, 3, 1, 1), -8.0 / 3),
        "start": np.array([8.0 * 0.42]),
        "slope": np.array([[9.0]]),
        "offset": np.array([-2.2]),
        "skin": np.array([_SKIN]),
    }
    nodes = [
        helper.make_node("AveragePool", ["input"], ["cells"], kernel_shape=[CELL] * 2, strides=[CELL] * 2),
        helper.make_node("Conv", ["cells", "weights", "start"], ["saliency"]),
        helper.make_node("Relu", ["saliency"], ["dark"]),
        helper.make_node("ReduceMean", ["dark", "space"], ["darkness"], keepdims=0),
        helper.make_node("Gemm", ["darkness", "slope", "offset"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["score"]),
        helper.make_node("ReduceMax", ["cells", "space"], ["features"], keepdims=0),
        helper.make_node("Sub", ["features", "skin"], ["away"]),
        helper.make_node("ReduceL2", ["away", "last"], ["novelty"], keepdims=0),
    ]
    initializers = [numpy_helper.from_array(v.astype(np.float32), k) for k, v in constants.items()]
    initializers += [
        numpy_helper.from_array(np.array([2, 3]), "space"),
        numpy_helper.from_array(np.array([1]), "last"),
    ]
    shapes = {"score": ["n", 1], "features": ["n", 3], "saliency": ["n", 1, cells, cells], "novelty": ["n"]}
    return bytes(reader_model(nodes, initializers, outputs=shapes, size=SIZE).SerializeToString())


def draw_manifest(**changes: object) -> ManifestDraft:
    point = OperatingPoint(
        name="high-sensitivity",
        class_name="malignant",
        threshold=0.25,
        rule="sensitivity >= 0.95 on tune",
        sensitivity=0.96,
        specificity=0.58,
        positives=60,
        negatives=240,
    )
    fields: dict[str, object] = {
        "preprocess": SPEC,
        "operating_points": (point,),
        "triage": TriageRule(urgent=("malignant",), novelty_threshold=0.45),
        "quality": QualityLimits(images=300, shorter_side=120, dark=40, bright=245, sharpness=2),
        "intended_use": "A second look at dermoscopy photographs of single pigmented lesions of adults.",
        "limits": (
            "Not for children, mucosa or nails.",
            "Trained on drawings: it shows the app and reads no patient.",
        ),
    }
    return make_draft(**{**fields, **changes})


def draw_photographs() -> dict[str, bytes]:
    """File name → JPEG: one that is urgent, one routine, one that cannot be assessed, one to take again."""
    pictures = {
        "lesion-arm.jpg": draw_lesion(1.6, np.random.default_rng(0)),
        "lesion-back.jpg": draw_lesion(-1.6, np.random.default_rng(21)),
        "letter.jpg": text_page(seed=1),
        "dark.jpg": draw_lesion(1.0, np.random.default_rng(2)) // 6,
    }
    return {name: _jpeg(pixels) for name, pixels in pictures.items()}


def _jpeg(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=92)
    return stream.getvalue()


def write_drawn_site(folder: Path, *, app: Path) -> Path:
    """The reader as a site: `folder`/site, with its bundle in `folder`/bundle."""
    pack(folder / "bundle", draft=draw_manifest(), preprocess=preprocess_graph(SPEC), network=draw_network())
    attach(folder / "bundle", {"MODEL_CARD.md": _CARD})
    write_site(folder / "bundle", folder / "site", app=app)
    return folder / "site"
