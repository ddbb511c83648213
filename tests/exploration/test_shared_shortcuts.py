"""What the audit finds in the real sets of the shared folder, where there is one."""

from __future__ import annotations

import csv
import gzip
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from overread.cohort import IngestSettings, ingest
from overread.engine import LocalEngine
from overread.exploration.shortcuts import Shortcut, audit_shortcuts
from overread.exploration.subject import Subject
from tests.exploration.audited import subject

SHARED = Path(os.environ.get("OVERREAD_SHARED", Path(__file__).parents[3] / "shared"))

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(
        not (SHARED / "data").is_dir(), reason="the shared data are not here (OVERREAD_SHARED)"
    ),
]


def by_name(found: Sequence[Shortcut]) -> dict[tuple[str, str], Shortcut]:
    return {(one.class_name, one.factor): one for one in found}


def audited(source: Path, out: Path) -> dict[tuple[str, str], Shortcut]:
    cohort = ingest(source, out, settings=IngestSettings(), engine=LocalEngine(2))
    return by_name(audit_shortcuts(Subject.of_cohort(cohort)))


def test_covid_can_be_told_from_the_rest_by_its_source_alone(tmp_path: Path) -> None:
    found = audited(SHARED / "data" / "chest", tmp_path / "chest")
    for factor in ("source", "file-name", "missing-metadata", "view", "image-size", "image"):
        one = found["covid", factor]
        assert one.warned
        assert one.auc > 0.98
        assert one.low > 0.9
        assert "covid can be told from the rest" in one.sentence
    assert found["covid", "age"].images == 800
    assert not any(
        found[name, "age"].warned or found[name, "sex"].warned for name in ("pneumonia", "no_findings")
    )
    assert all(found[name, "view"].warned for name in ("pneumonia", "no_findings"))


def test_size_and_source_of_the_skin_photographs_are_reported(tmp_path: Path) -> None:
    found = audited(SHARED / "data" / "skin" / "train", tmp_path / "skin")
    for factor in ("image-size", "source"):
        one = found["malignant", factor]
        assert 0.5 < one.auc < 0.65
        assert one.low < one.auc < one.high
        assert "37 % of malignant images" in one.sentence  # of HAM10000, which are 600 × 450
    assert found["malignant", "file-size"].warned
    assert found["malignant", "border"].warned


@pytest.mark.slow
def test_view_and_age_in_the_nih_table() -> None:
    with gzip.open(SHARED / "data" / "nih" / "Data_Entry_2017_v2020.csv.gz", "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    classes = ("Edema", "Hernia")
    made = subject(
        [[float(name in row["Finding Labels"].split("|")) for name in classes] for row in rows],
        task="multilabel",
        classes=classes,
        patients=[row["Patient ID"] for row in rows],
        view=[row["View Position"] for row in rows],
        age=[float(row["Patient Age"].rstrip("YMD")) for row in rows],
        sex=[row["Patient Gender"] for row in rows],
    )
    found = by_name(audit_shortcuts(made))
    assert found["Edema", "view"].images == 112_120
    assert found["Edema", "view"].auc == pytest.approx(0.74, abs=0.01)
    assert found["Hernia", "age"].auc == pytest.approx(0.78, abs=0.03)
    assert not found["Edema", "sex"].warned
