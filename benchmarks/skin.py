"""Which measure gives how much on 200 real dermoscopy photographs, cross-validated by patient.

Each row is a `[reader]` table. Its features are computed as `overread train` computes them; its head is
fitted with all that it chooses (penalty, components) inside four fifths of the patients and scored on the
fifth, for several divisions. The interval is a bootstrap of patients over the mean AUC of the divisions; the
difference to the first row uses the same resamples.

    python benchmarks/skin.py [--work FOLDER] [--json] [--only NAME …]

needs `OVERREAD_SHARED` (default ../shared) with data/skin/train and weights/mobilenetv2_100, mobilenetv1_100.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from runner import SHARED
from told import tell

Floats = npt.NDArray[np.float64]
RESAMPLES = 2000


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        name: What is shown.
        said: The keys of `[reader]` that differ from a MobileNetV2 with a linear head.
        beside: A second backbone whose features are joined, which no study can ask for.
    """

    name: str
    said: dict[str, Any]
    beside: str = ""


TWO = {"image_size": 449, "more_sizes": (225,)}
ROWS = (
    Row("321 px", {"image_size": 321}),
    Row("225 px", {"image_size": 225}),
    Row("449 px", {"image_size": 449}),
    Row("321 px, last map alone", {"image_size": 321, "features": "last"}),
    Row("449 px, last map alone", {"image_size": 449, "features": "last"}),
    Row("321 + 225 px", {"image_size": 321, "more_sizes": (225,)}),
    Row("449 + 321 px", {"image_size": 449, "more_sizes": (321,)}),
    Row("449 + 225 px", TWO),
    Row("449 + 321 + 225 px", {"image_size": 449, "more_sizes": (321, 225)}),
    Row("449 + 225 px, last maps alone", {**TWO, "features": "last"}),
    Row("449 + 225 px, crop", {**TWO, "resize": "crop"}),
    Row("321 px, 2 views", {"image_size": 321, "views": 2}),
    Row("321 px, 4 views", {"image_size": 321, "views": 4}),
    Row("321 px, 8 views", {"image_size": 321, "views": 8}),
    Row("449 + 225 px, 2 views", {**TWO, "views": 2}),
    Row("449 + 225 px, 8 views", {**TWO, "views": 8}),
    Row("449 + 225 px, mlp", {**TWO, "head": "mlp"}),
    Row("449 + 225 px, logistic on components", {**TWO, "head": "logistic", "reduce": "pca"}),
    Row("449 + 225 px, logistic on the best features", {**TWO, "head": "logistic", "reduce": "select"}),
    Row("MobileNetV1, 321 px", {"image_size": 321, "backbone": "mobilenetv1_100"}),
    Row("MobileNetV1, 449 + 225 px", {**TWO, "backbone": "mobilenetv1_100"}),
    Row("V2 beside V1, 449 + 225 px", TWO, beside="mobilenetv1_100"),
)


def main() -> int:
    asked = _arguments()
    needed = [SHARED / "data/skin/train", SHARED / "weights/mobilenetv2_100/model.safetensors"]
    absent = [str(path) for path in needed if not path.exists()]
    if absent:
        print(f"skipped: {absent[0]} is not there; set OVERREAD_SHARED", file=sys.stderr)
        print(json.dumps({"skipped": absent[0]}) if asked.json else "skipped")
        return 0
    import torch

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="overread-skin-") as folder:
        found = measure(Path(asked.work or folder), asked)
    tell(found, show, as_json=asked.json)
    return 0


def measure(work: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """All that the table shows."""
    from overread.cohort import IngestSettings, SplitShares, ingest
    from overread.engine import LocalEngine
    from overread.training.reader import labelled_rows

    engine = LocalEngine(workers=asked.workers)
    cohort = ingest(
        SHARED / "data/skin/train",
        work / "cohort",
        settings=IngestSettings(
            name="skin", positive="malignant", split=SplitShares(train=0.8, tune=0.2, test=0.0)
        ),
        engine=engine,
    )
    rows = labelled_rows(cohort)
    truth = rows.targets[:, 0] == 1
    draws = _draws(rows.groups)
    chosen = [row for row in ROWS if not asked.only or row.name in asked.only]
    lines: list[dict[str, Any]] = []
    first: Floats | None = None
    for row in chosen:
        started = time.process_time()
        features = _features(cohort, rows, row, work=work, engine=engine)
        seconds = time.process_time() - started
        scores = _cross_validated(features, rows, row, asked)
        each = np.array([auc(truth, one) for one in scores])
        resampled = np.array([[auc(truth[draw], one[draw]) for one in scores] for draw in draws]).mean(1)
        first = resampled if first is None else first
        lines.append(
            {
                "name": row.name,
                "reader": {key: list(v) if isinstance(v, tuple) else v for key, v in row.said.items()},
                "offered": not row.beside,
                "features": int(features.shape[1]),
                "auc": float(each.mean()),
                "interval": np.nanpercentile(resampled, (2.5, 97.5)).tolist(),
                "divisions": each.tolist(),
                "gain": float(each.mean()) - (lines[0]["auc"] if lines else float(each.mean())),
                "gain_interval": np.nanpercentile(resampled - first, (2.5, 97.5)).tolist(),
                "seconds": seconds,
            }
        )
        if not asked.json:
            print(_line(lines[-1]), file=sys.stderr, flush=True)
    return {
        "images": len(truth),
        "patients": len(np.unique(rows.groups)),
        "divisions": asked.divisions,
        "rows": lines,
    }


def auc(truth: npt.NDArray[np.bool_], score: Floats) -> float:
    """Area under the ROC curve by ranks (Mann and Whitney 1947); NaN where a class is absent."""
    from scipy.stats import rankdata

    positive = int(truth.sum())
    negative = len(truth) - positive
    if not positive or not negative:
        return float("nan")
    return float((rankdata(score)[truth].sum() - positive * (positive + 1) / 2) / (positive * negative))


def show(found: dict[str, Any]) -> None:
    """The table for people."""
    print(
        f"{found['images']} photographs of {found['patients']} patients or look-alikes,"
        f" {found['divisions']} divisions into five folds, linear head where no other is named"
    )
    print(f"{'':45}{'AUC':>6}  {'95 % interval':15}{'gain':>7}  {'95 % interval':17}{'features':>9}")
    for line in found["rows"]:
        print(_line(line))


def _line(line: dict[str, Any]) -> str:
    low, high = line["interval"]
    less, more = line["gain_interval"]
    return (
        f"{line['name']:45}{line['auc']:6.3f}  {low:.3f} to {high:.3f} {line['gain']:+7.3f}"
        f"  {less:+.3f} to {more:+.3f}{line['features']:>9}"
    )


def _features(cohort: Any, rows: Any, row: Row, *, work: Path, engine: Any) -> Floats:
    """Features `[images, d]` through the fast runtime, cached in `work` by network and cohort."""
    from overread.imaging import Preprocess
    from overread.progress import SILENT
    from overread.training.backbones import open_backbone
    from overread.training.head_phase import cohort_features
    from overread.training.upsampling import own_images
    from overread.training.weights import find_weights

    settings = _settings(row)
    assert isinstance(settings.image_size, int)
    parts = []
    for name in [settings.backbone, row.beside] if row.beside else [settings.backbone]:
        backbone = open_backbone(
            find_weights("auto", f"local-dir:{SHARED / 'weights' / name}"),
            image_size=settings.image_size,
            more_sizes=settings.more_sizes,
            views=settings.views,
            taps=settings.features,
            seed=0,
        )
        spec = Preprocess(
            size=backbone.image_size,
            resize=settings.resize,
            interpolation=settings.interpolation,
            mean=backbone.mean,
            std=backbone.std,
        )
        parts.append(
            cohort_features(
                backbone, spec, own_images(cohort), rows.ids, work=work, engine=engine, progress=SILENT
            )
        )
    return np.concatenate(parts, 1)


def _cross_validated(features: Floats, rows: Any, row: Row, asked: argparse.Namespace) -> Floats:
    """Logits `[divisions, images]`, each of an image by a head that saw nobody of its patient."""
    import torch

    from overread.training.head_phase import fit_rows
    from overread.training.heads import grouped_folds

    scores = np.full((asked.divisions, len(features)), np.nan)
    for seed in range(asked.divisions):
        folds = grouped_folds(rows.targets, rows.groups, task="binary", folds=5, seed=1000 + seed)
        for fold in np.unique(folds):
            inside, outside = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
            fitted = fit_rows(features, rows, inside, task="binary", settings=_settings(row), seed=seed)
            with torch.no_grad():
                given = torch.from_numpy(features[outside].astype(np.float32))
                scores[seed, outside] = fitted.module.eval()(given).numpy()[:, 0]
    return scores


def _settings(row: Row) -> Any:
    from overread.training import ReaderSettings

    return ReaderSettings(**{"backbone": "mobilenetv2_100", **row.said})


def _draws(groups: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
    """Resampled images, each patient whole."""
    rng = np.random.default_rng(0)
    places = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    return [
        np.concatenate([places[one] for one in rng.integers(0, len(places), len(places))])
        for _ in range(RESAMPLES)
    ]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--work", help="folder for features, so that another run need not compute them")
    parser.add_argument("--divisions", type=int, default=5, help="how often the images are divided anew")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--only", nargs="*", default=[], help="names of rows; the first is compared with")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
