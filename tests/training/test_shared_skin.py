from __future__ import annotations

import os
from pathlib import Path

import pytest
from sklearn.metrics import roc_auc_score

from overread.cohort import IngestSettings, ingest
from overread.engine import LocalEngine
from overread.training import ReaderSettings, train_reader

SHARED = Path(os.environ.get("OVERREAD_SHARED", Path(__file__).parents[3] / "shared"))

pytestmark = [
    pytest.mark.shared,
    pytest.mark.slow,
    pytest.mark.skipif(not (SHARED / "data" / "skin").is_dir(), reason=f"no shared data in {SHARED}"),
]


def test_a_head_on_real_skin_photographs_ranks_unseen_patients(tmp_path: Path) -> None:
    engine = LocalEngine()
    cohort = ingest(
        SHARED / "data" / "skin" / "train",
        tmp_path / "cohort",
        settings=IngestSettings(name="skin", positive="malignant"),
        engine=engine,
    )
    settings = ReaderSettings(weights=f"local-dir:{SHARED / 'weights' / 'mobilenetv2_100'}", phases=("head",))
    held_out = train_reader(cohort, tmp_path / "work", settings=settings, engine=engine).held_out
    assert len(held_out.logits) == sum(
        len(cohort.table(["image_id"], split=split)) for split in ("train", "tune")
    )
    assert roc_auc_score(held_out.targets[:, 0], held_out.logits[:, 0]) >= 0.80
