"""Patient-clustered bootstrap of many ROC areas on one core: ours beside loops over resamples.

The default is the official test split of ChestX-ray14 by its numbers: 14 findings with their counts in 25,596
images of 2,797 patients, with made scores. Every contender runs in a process of its own, with one thread, on
the same draws. A loop that would take minutes is timed on as many resamples as fit its budget and multiplied;
the table says so. All values are compared with scikit-learn's.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from told import tell

CONTENDERS: dict[str, str] = {
    "ours": "Overread",
    "ranks": "NumPy ranks in a loop",
    "sklearn-weights": "scikit-learn roc_auc_score, weights, in a loop",
    "sklearn": "scikit-learn roc_auc_score, drawn images, in a loop",
}
IMAGES, PATIENTS = 25_596, 2_797
# Images of the official test list with each finding, from Atelectasis to Hernia.
POSITIVES = (3279, 1069, 4658, 6112, 1748, 1623, 555, 2665, 1815, 925, 1093, 435, 1143, 86)
_ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}


def main() -> None:
    asked = _arguments()
    if asked.contender:
        contend(asked.contender, asked)
        return
    found = measure(asked)
    tell(found, show, as_json=asked.json)


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    """Everything that the table shows."""
    contenders: dict[str, Any] = {}
    values: dict[str, np.ndarray] = {}
    with tempfile.TemporaryDirectory(prefix="overread-bench-") as folder:
        for name, title in CONTENDERS.items():
            if not asked.json:
                print(f"{title} …", file=sys.stderr)
            out = Path(folder) / f"{name}.npy"
            contenders[name] = _run(name, out, asked)
            values[name] = np.load(out)
    kept = len(values["sklearn"])
    for name in CONTENDERS:
        rows = min(kept, len(values[name]))
        apart = np.abs(values[name][:rows] - values["sklearn"][:rows])
        contenders[name]["largest_deviation"] = float(np.nanmax(apart))
    ours = contenders["ours"]["cpu_seconds"]
    return {
        "images": asked.images,
        "patients": asked.patients,
        "findings": asked.findings,
        "resamples": asked.resamples,
        "contenders": contenders,
        "ratios": {
            f"{name} / ours": contenders[name]["cpu_seconds"] / ours for name in CONTENDERS if name != "ours"
        },
    }


def contend(name: str, asked: argparse.Namespace) -> None:
    """Run one contender in this process, save its values [resamples, findings] and print its times."""
    labels, scores, groups = make_data(asked)
    run: Callable[..., np.ndarray] = {
        "ours": _ours,
        "ranks": _ranks,
        "sklearn-weights": _sklearn_weights,
        "sklearn": _sklearn,
    }[name]
    wall, cpu = time.perf_counter(), time.process_time()
    values = run(labels, scores, groups, asked)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    np.save(asked.out, values)
    times = asked.resamples / len(values)
    print(
        json.dumps(
            {
                "seconds": wall * times,
                "cpu_seconds": cpu * times,
                "resamples_run": len(values),
                "extrapolated": len(values) < asked.resamples,
            }
        )
    )


def make_data(asked: argparse.Namespace) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels and scores [images, findings] and each image's patient; patients have 1 to dozens of images."""
    rng = np.random.default_rng(0)
    share = rng.gamma(0.6, size=asked.patients)
    more = rng.choice(asked.patients, asked.images - asked.patients, p=share / share.sum())
    groups = np.sort(np.concatenate([np.arange(asked.patients), more]))
    rates = np.resize(np.array(POSITIVES) / IMAGES, asked.findings)
    own = rng.normal(size=(asked.patients, asked.findings))[groups]  # what a patient's images share
    drawn = 0.7 * own + 0.7 * rng.normal(size=(asked.images, asked.findings))
    limits = [np.quantile(column, 1 - rate) for column, rate in zip(drawn.T, rates, strict=True)]
    labels = (drawn > limits).astype(np.float64)
    logits = labels + 0.7 * own + rng.normal(size=labels.shape)
    return labels, 1 / (1 + np.exp(-logits)), groups


def _ours(labels: np.ndarray, scores: np.ndarray, groups: np.ndarray, asked: Any) -> np.ndarray:
    from overread.evaluation.intervals import bootstrap
    from overread.evaluation.ranking import roc_auc_of

    statistics = {str(k): roc_auc_of(labels[:, k], scores[:, k]) for k in range(labels.shape[1])}
    draws = bootstrap(statistics, groups, resamples=asked.resamples)
    return np.stack(list(draws.values()), axis=1)


def _loop(one: Callable[[np.ndarray], list[float]], groups: np.ndarray, asked: Any) -> np.ndarray:
    """One resample after another on the draws that ours makes, until all are done or the budget is spent."""
    from overread.evaluation.intervals import draw_counts

    rng = np.random.default_rng(0)
    begun, rows = time.process_time(), []
    while len(rows) < asked.resamples and (not rows or time.process_time() - begun < asked.budget):
        [counts] = draw_counts(rng, groups=asked.patients, resamples=1)
        rows.append(one(counts[groups]))
    return np.array(rows)


def _ranks(labels: np.ndarray, scores: np.ndarray, groups: np.ndarray, asked: Any) -> np.ndarray:
    """What an expert writes first: sorted once, weighted cumulative sums a resample (without ties)."""
    orders = np.argsort(scores, axis=0)
    sorted_labels = np.take_along_axis(labels, orders, axis=0)

    def one(weights: np.ndarray) -> list[float]:
        areas = []
        for order, present in zip(orders.T, sorted_labels.T, strict=True):
            ranked = weights[order]
            negative = ranked * (1 - present)
            positive = ranked * present
            won = positive @ np.cumsum(negative)
            areas.append(won / (positive.sum() * negative.sum()))
        return areas

    return _loop(one, groups, asked)


def _sklearn_weights(labels: np.ndarray, scores: np.ndarray, groups: np.ndarray, asked: Any) -> np.ndarray:
    from sklearn.metrics import roc_auc_score

    def one(weights: np.ndarray) -> list[float]:
        columns = range(labels.shape[1])
        return [roc_auc_score(labels[:, k], scores[:, k], sample_weight=weights) for k in columns]

    return _loop(one, groups, asked)


def _sklearn(labels: np.ndarray, scores: np.ndarray, groups: np.ndarray, asked: Any) -> np.ndarray:
    from sklearn.metrics import roc_auc_score

    def one(weights: np.ndarray) -> list[float]:
        rows = np.repeat(np.arange(weights.size), weights)
        return [roc_auc_score(labels[rows, k], scores[rows, k]) for k in range(labels.shape[1])]

    return _loop(one, groups, asked)


def _run(name: str, out: Path, asked: argparse.Namespace) -> dict[str, Any]:
    numbers = ("images", "patients", "findings", "resamples", "budget")
    options = [f"--{option}={getattr(asked, option)}" for option in numbers]
    command = [
        sys.executable,
        str(Path(__file__).resolve()),
        "--contender",
        name,
        "--out",
        str(out),
        *options,
    ]
    done = subprocess.run(
        command, env={**os.environ, **_ONE_THREAD}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{CONTENDERS[name]} failed:\n{done.stderr}")
    return dict(json.loads(done.stdout))


def show(found: dict[str, Any]) -> None:
    """Print the table."""
    print(
        f"{found['resamples']:,} patient-clustered resamples of {found['findings']} ROC areas over "
        f"{found['images']:,} images of {found['patients']:,} patients, one thread\n"
    )
    print(f"{'':52}{'CPU s':>9}{'wall s':>9}{'× ours':>9}{'largest Δ':>12}")
    for name, title in CONTENDERS.items():
        one = found["contenders"][name]
        ratio = found["ratios"].get(f"{name} / ours", 1.0)
        mark = f" *{one['resamples_run']}" if one["extrapolated"] else ""
        print(
            f"{title:52}{one['cpu_seconds']:9.1f}{one['seconds']:9.1f}{ratio:9.1f}"
            f"{one['largest_deviation']:12.1e}{mark}"
        )
    print("\n* timed on so many resamples and multiplied. Δ: to scikit-learn on the same draws.")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--images", type=int, default=IMAGES)
    parser.add_argument("--patients", type=int, default=PATIENTS)
    parser.add_argument("--findings", type=int, default=len(POSITIVES))
    parser.add_argument("--resamples", type=int, default=2000)
    parser.add_argument("--budget", type=float, default=20.0, help="CPU seconds that a loop may take")
    parser.add_argument("--contender", choices=CONTENDERS, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
