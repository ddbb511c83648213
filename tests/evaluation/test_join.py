from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from overread.errors import EvaluationError
from overread.evaluation.join import join_readings
from tests.evaluation.made import make_manifest, make_tables, with_rejects

MANIFEST = make_manifest()


def test_every_image_of_the_split_is_accounted_for() -> None:
    readings, reference = make_tables(
        [1, 0, 1, 0, np.nan, 1], [0.9, 0.2, 0.4, 0.6, 0.5, 0.7], manifest=MANIFEST
    )
    readings = with_rejects(readings, {"img-001": "truncated", "img-002": "truncated"})
    readings = readings.filter(pa.array([True, True, True, False, True, True]))
    counts = join_readings(readings, reference, manifest=MANIFEST).counts
    assert counts.images == 6
    assert (counts.rejected, counts.missing, counts.unlabelled, counts.used) == (2, 1, 1, 2)
    assert counts.reasons == {"truncated": 2}


def test_only_the_wanted_split_enters_and_the_rest_is_counted() -> None:
    readings, reference = make_tables([1, 0, 1], [0.9, 0.2, 0.4], manifest=MANIFEST)
    reference = reference.set_column(3, "split", pa.array(["test", "train", "test"]))
    joined = join_readings(readings, reference, manifest=MANIFEST)
    assert joined.image_id == ("img-000", "img-002")
    assert joined.counts.unknown == 1
    assert len(join_readings(readings, reference, manifest=MANIFEST, split=None).image_id) == 3


def test_rows_are_joined_by_image_whatever_their_order() -> None:
    readings, reference = make_tables([1, 0, 1], [0.9, 0.2, 0.4], manifest=MANIFEST)
    joined = join_readings(readings.take([2, 0, 1]), reference.take([1, 2, 0]), manifest=MANIFEST)
    assert joined.labels[:, 0].tolist() == [1, 0, 1]
    assert joined.scores[:, 0] == pytest.approx([0.9, 0.2, 0.4])


def test_without_patients_each_image_is_its_own() -> None:
    readings, reference = make_tables([1, 0], [0.9, 0.2], manifest=MANIFEST, patients=["p", "p"])
    assert join_readings(readings, reference, manifest=MANIFEST).counts.patients == 1
    alone = reference.drop_columns(["patient_id"])
    assert join_readings(readings, alone, manifest=MANIFEST).counts.patients == 2


def test_without_patients_images_of_one_lesion_stay_together() -> None:
    readings, reference = make_tables([1, 0, 1, 0], [0.9, 0.2, 0.4, 0.1], manifest=MANIFEST)
    grouped = reference.append_column("group_id", pa.array(["lesion", "lesion", None, "other"]))
    # As a cohort has it: where the source names no patient, patient_id is the image's own id.
    joined = join_readings(readings, grouped, manifest=MANIFEST)
    assert joined.patient.tolist() == ["lesion", "lesion", "img-002", "other"]
    assert joined.counts.patients == 3
    named = grouped.set_column(1, "patient_id", pa.array(["p", "q", "p", "q"]))
    assert join_readings(readings, named, manifest=MANIFEST).patient.tolist() == ["p", "q", "p", "q"]


def test_an_unlabelled_image_has_a_null_target() -> None:
    readings, reference = make_tables([1, 0], [0.9, 0.2], manifest=MANIFEST)
    reference = reference.set_column(2, "target", pa.array([[1.0], None], pa.list_(pa.float32())))
    assert join_readings(readings, reference, manifest=MANIFEST).counts.unlabelled == 1


def test_readings_of_another_bundle_are_refused() -> None:
    readings, reference = make_tables([1, 0], [0.9, 0.2], manifest=MANIFEST)
    other = readings.set_column(3, "bundle", pa.array(["made@1.0", "made@0.9"]))
    with pytest.raises(EvaluationError, match=r"expected readings of made@1\.0, got some of made@0\.9"):
        join_readings(other, reference, manifest=MANIFEST)


@pytest.mark.parametrize("column", ["image_id", "score", "decision"])
def test_a_missing_column_is_named(column) -> None:
    readings, reference = make_tables([1, 0], [0.9, 0.2], manifest=MANIFEST)
    with pytest.raises(EvaluationError, match=f"expected a column '{column}'"):
        join_readings(readings.drop_columns([column]), reference, manifest=MANIFEST)


def test_an_image_read_twice_is_refused_by_name() -> None:
    readings, reference = make_tables([1, 0], [0.9, 0.2], manifest=MANIFEST)
    with pytest.raises(EvaluationError, match="image 'img-001' appears more than once"):
        join_readings(readings.take([0, 1, 1]), reference, manifest=MANIFEST)


def test_scores_that_do_not_fit_the_classes_are_refused_by_image() -> None:
    readings, reference = make_tables([1, 0], [0.9, 0.2], manifest=MANIFEST)
    both = pa.array([[0.1, 0.9], [0.2, 0.8]], pa.list_(pa.float32()))
    with pytest.raises(EvaluationError, match="image 'img-000': expected 1 values of score, got 2"):
        join_readings(readings.set_column(1, "score", both), reference, manifest=MANIFEST)


def test_nothing_in_common_is_one_clear_sentence() -> None:
    readings, reference = make_tables([1, 0], [0.9, 0.2], manifest=MANIFEST)
    strange = readings.set_column(0, "image_id", pa.array(["x", "y"]))
    with pytest.raises(EvaluationError, match="no image of the test was both read and labelled"):
        join_readings(strange, reference, manifest=MANIFEST)
