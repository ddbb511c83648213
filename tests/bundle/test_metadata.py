from __future__ import annotations

import hashlib
import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from overread.bundle import Bundle, Manifest, model_card, verify
from overread.bundle.manifest import MetadataField
from overread.bundle.metadata import in_words, made_metadata, made_values, parse_cell, tell
from overread.bundle.network import Network
from overread.bundle.seal import seal, unseal
from overread.errors import BundleError, UsageError
from tests.bundle.asking import AGE, AGE_SLOPE, FIELDS, SEX, SEX_STEP, asking_bundle, asking_model, logit
from tests.bundle.conftest import make_draft, make_pixels, network_bytes

SITE = MetadataField(name="site", kind="category", categories=("Back", "face"))


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return asking_bundle(tmp_path_factory.mktemp("asking") / "skin")


def told(given: dict[str, object] | None, *fields: MetadataField) -> list[float]:
    return tell(fields or FIELDS, given, where="image 'a'").values.tolist()


@pytest.mark.parametrize(
    ("given", "values", "missing"),
    [
        ({"age": 61, "sex": "F"}, [61, 0], ()),
        ({"sex": "M", "age": np.float32(40.5)}, [40.5, 1], ()),
        ({"age": "61"}, [61, math.nan], ("sex",)),
        ({"age": "061Y", "sex": "male"}, [61, 1], ()),
        ({"age": "unknown", "sex": ""}, [math.nan, math.nan], ("age", "sex")),
        ({"age": None, "sex": math.nan}, [math.nan, math.nan], ("age", "sex")),
        ({"age": 999, "sex": "other"}, [math.nan, math.nan], ("age", "sex")),
        ({"age": -1}, [math.nan, math.nan], ("age", "sex")),
        ({"age": 0, "sex": "f"}, [0, 0], ()),
        ({}, [math.nan, math.nan], ("age", "sex")),
        (None, [math.nan, math.nan], ("age", "sex")),
    ],
)
def test_what_is_known_becomes_what_the_network_takes(
    given: dict[str, object] | None, values: list[float], missing: tuple[str, ...]
) -> None:
    found = tell(FIELDS, given, where="image 'a'")
    assert found.values.dtype == np.float32
    np.testing.assert_array_equal(found.values, np.array(values, np.float32))
    assert found.missing == missing


def test_category_is_found_whatever_its_case_and_exactly_where_two_differ_in_it() -> None:
    assert told({"site": "back"}, SITE) == [0.0]
    assert told({"site": " FACE "}, SITE) == [1.0]
    both = SITE.model_copy(update={"categories": ("Back", "back")})
    assert told({"site": "back"}, both) == [1.0]


def test_number_of_a_category_is_read_as_its_word() -> None:
    device = MetadataField(name="device", kind="category", categories=("3", "7"))
    assert told({"device": 7}, device) == [1.0]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"agee": 61}, "the bundle does not ask for 'agee'; did you mean 'age'"),
        ({"hospital": "A"}, "does not ask for 'hospital'; it asks for age, sex"),
        ({"age": "sixty"}, "'age': expected a number, got a text that is none"),
        ({"age": True}, "'age': expected a number, got bool"),
        ({"age": [61]}, "'age': expected a number, got list"),
        ({"age": math.inf}, "'age': expected a number, got one that no float32 holds"),
        ({"age": 10**400}, "'age': expected a number, got one that no float32 holds"),
        ({"sex": {"is": "F"}}, "'sex': expected a text, got dict"),
    ],
)
def test_what_cannot_be_is_one_sentence_without_the_patients_value(
    given: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        told(given)
    assert str(caught.value).startswith("image 'a': ")
    assert "sixty" not in str(caught.value)


@given(
    st.dictionaries(
        st.sampled_from(["age", "sex"]), st.one_of(st.none(), st.text(), st.floats(), st.integers())
    )
)
def test_anything_is_told_or_refused(given: dict[str, object]) -> None:
    try:
        found = tell(FIELDS, given, where="x")
    except UsageError:
        return
    assert found.values.shape == (2,)
    assert not np.isinf(found.values).any()
    assert [math.isnan(value) for value in found.values] == [name in found.missing for name in ("age", "sex")]


def test_cells_are_read_as_an_ingest_reads_them() -> None:
    assert parse_cell(AGE, "006M") == 0.5
    assert parse_cell(AGE, "n/a") is None
    assert parse_cell(AGE, "about 60") is None
    assert parse_cell(SEX, "unknown") is None
    dose = MetadataField(name="dose", kind="number")
    assert [parse_cell(dose, cell) for cell in ("1,5", "-2e1", "much", "", "inf", "1e300")] == [
        1.5,
        -20.0,
        None,
        None,
        None,
        None,
    ]


def test_fields_in_words() -> None:
    assert [in_words(field) for field in (*FIELDS, MetadataField(name="dose", kind="number"))] == [
        "age (years)",
        "sex (F, M)",
        "dose",
    ]


def test_made_values_know_and_do_not_know_every_field() -> None:
    rows = made_metadata(FIELDS, 8)
    for field in FIELDS:
        assert 0 < sum(field.name in row for row in rows) < 8
    assert {row.get("sex") for row in rows} == {"F", "M", None}
    assert np.isnan(made_values(FIELDS, 8)).any(0).all()


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "number", "categories": ("a",)},
        {"kind": "category"},
        {"kind": "category", "categories": ("a", "a")},
        {"kind": "category", "categories": ("",)},
        {"kind": "number", "name": "uri"},
        {"kind": "number", "missing": 1.5},
    ],
)
def test_field_that_contradicts_itself_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        MetadataField(**{"name": "a", **changes})


def test_field_stands_once() -> None:
    with pytest.raises(ValidationError, match="expected different fields"):
        make_draft(metadata=(AGE, AGE))


def test_fields_come_back_from_bundle_json(asking: Path) -> None:
    manifest = Bundle.load(asking).manifest
    assert unseal(seal(manifest)).metadata == FIELDS
    said = json.loads((asking / "bundle.json").read_text())["metadata"]
    assert said[1] == {
        "name": "sex",
        "kind": "category",
        "categories": ["F", "M"],
        "unit": "",
        "missing": 0.0,
    }


def test_network_has_the_input_exactly_where_the_manifest_has_fields() -> None:
    asks = asking_model().SerializeToString()
    with pytest.raises(
        BundleError, match=r"expected the input 'input' and the outputs .* got \['input', 'metadata'\]"
    ):
        Network(asks, manifest=make_draft())
    with pytest.raises(BundleError, match=r"expected the inputs 'input' and 'metadata' and the outputs"):
        Network(network_bytes(), manifest=make_draft(metadata=FIELDS))
    with pytest.raises(BundleError, match=r"expected 'metadata' of shape any × 1, got"):
        Network(asks, manifest=make_draft(metadata=(AGE,)))
    assert Network(asks).fields == 2
    assert Network(network_bytes()).fields == 0


def test_network_is_told_of_each_image(asking: Path) -> None:
    network = Network((asking / "network.onnx").read_bytes())
    images = np.zeros((3, 3, 24, 24), np.float32)
    known = np.array([[50, np.nan], [np.nan, 1], [np.nan, np.nan]], np.float32)
    logits = [logit(score) for score in network(images, known).score[:, 0]]
    assert logits[0] - logits[2] == pytest.approx(50 * AGE_SLOPE, abs=1e-5)
    assert logits[1] - logits[2] == pytest.approx(SEX_STEP, abs=1e-5)
    np.testing.assert_array_equal(
        network(images).score, network(images, np.full((3, 2), np.nan, np.float32)).score
    )
    with pytest.raises(ValueError, match="expected metadata of shape"):
        network(images, known[:2])


def test_readings_depend_on_what_is_known_and_say_what_was_not(asking: Path) -> None:
    bundle, pixels = Bundle.load(asking), make_pixels()
    nothing, some, both = bundle.read([pixels] * 3, [None, {"age": 60}, {"age": 60, "sex": "M"}])
    assert [one.metadata_missing for one in (nothing, some, both)] == [("age", "sex"), ("sex",), ()]
    assert logit(some.scores[0]) - logit(nothing.scores[0]) == pytest.approx(60 * AGE_SLOPE, abs=1e-4)
    assert logit(both.scores[0]) - logit(some.scores[0]) == pytest.approx(SEX_STEP, abs=1e-4)
    assert bundle.read([pixels])[0].scores == nothing.scores
    assert bundle.read_one(pixels, where="x", metadata={"age": 60}).scores == some.scores


def test_bundle_without_fields_takes_none(bundle_path: Path) -> None:
    bundle = Bundle.load(bundle_path)
    assert bundle.read([make_pixels()], [{}])[0].metadata_missing == ()
    with pytest.raises(UsageError, match="does not ask for 'age'; it asks for images alone"):
        bundle.read([make_pixels()], [{"age": 61}])


def test_each_image_has_its_own_metadata_or_none(asking: Path) -> None:
    bundle, pixels = Bundle.load(asking), make_pixels()
    with pytest.raises(UsageError, match="expected metadata of each image, got 1"):
        bundle.read([pixels, pixels], [{"age": 61}])
    with pytest.raises(UsageError, match="expected metadata of each image, got more"):
        bundle.read([pixels], [{"age": 61}, None])
    with pytest.raises(UsageError, match="expected a list of metadata"):
        bundle.read([pixels], {"age": 61})  # type: ignore[arg-type]


def test_selftest_replays_pictures_with_and_without_metadata(asking: Path, tmp_path: Path) -> None:
    expected = json.loads((asking / "selftest" / "expected.json").read_text())["images"]
    assert len(expected) == 16
    assert sum(bool(row["metadata"]) for row in expected) >= 7
    assert verify(asking).images == 8
    deaf = Path(shutil.copytree(asking, tmp_path / "deaf"))
    model = asking_model()
    next(one for one in model.graph.initializer if one.name == "of_metadata").raw_data = bytes(8)
    content = model.SerializeToString()
    (deaf / "network.onnx").write_bytes(content)
    manifest = Bundle.load(asking).manifest
    files = {**manifest.files, "network.onnx": hashlib.sha256(content).hexdigest()}
    (deaf / "bundle.json").write_bytes(seal(Manifest.from_draft(manifest, files=files)))
    with pytest.raises(BundleError, match="scores off by"):
        verify(deaf)


def test_card_and_show_list_the_fields(asking: Path) -> None:
    bundle = Bundle.load(asking)
    card = model_card(bundle.manifest)
    assert "age (years), not stated in 10% of train; sex (F, M), not stated in 0% of train" in card
    assert [field["name"] for field in bundle.describe()["metadata"]] == ["age", "sex"]
