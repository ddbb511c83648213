from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from overread.errors import StudyError
from overread.study import TEMPLATES, StudySettings, load_study, template
from overread.study.search import said_of
from overread.study.settings import check_study
from overread.training.settings import FineTuneSettings, ReaderSettings


def refusal(said: dict[str, Any]) -> str:
    said = {"cohort": {"source": "images"}, **said}
    if said["cohort"] is None:
        del said["cohort"]
    with pytest.raises(StudyError) as raised:
        check_study(said, where="study 's.toml'")
    message = str(raised.value)
    assert raised.value.exit_code == 2
    assert "\n" not in message
    assert message.startswith("study 's.toml': '")
    return message.removeprefix("study 's.toml': ")


def tables(model: type[BaseModel], path: tuple[str, ...] = ()) -> dict[tuple[str, ...], list[str]]:
    """Every table of a study with its keys."""
    found = {path: list(model.model_fields)}
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found |= tables(field.annotation, (*path, name))
    return found


KEYS = [(table, key) for table, keys in tables(StudySettings).items() for key in keys]


@given(st.sampled_from(KEYS), st.data())
def test_a_misspelt_key_names_the_one_that_was_meant(
    place: tuple[tuple[str, ...], str], data: st.DataObject
) -> None:
    table, key = place
    at = data.draw(st.integers(0, len(key) - 1))
    misspelt = key[:at] + "q" + key[at:]
    inner: Any = {misspelt: {} if not table and key != "cohort" else 1}
    for name in reversed(table):
        inner = {name: inner}
    if table[:1] == ("cohort",):
        inner["cohort"]["source"] = "images"
    assert refusal(inner) == (
        f"'{'.'.join([*table, misspelt])}' is no key; did you mean '{'.'.join([*table, key])}'?"
    )


def test_a_key_of_another_table_is_named_there() -> None:
    assert refusal({"reader": {"seed": 3}}) == "'reader.seed' is no key; did you mean 'study.seed'?"
    assert "did you mean 'reader.fine_tune.epochs'?" in refusal({"reader": {"epochs": 3}})


def test_an_unknown_key_is_told_before_a_wrong_value() -> None:
    assert "'reader.hed' is no key" in refusal({"reader": {"folds": "x", "hed": "mlp"}})


def test_an_unknown_role_of_a_column_names_the_nearest() -> None:
    message = refusal({"cohort": {"source": "x", "columns": {"lable": "diagnosis"}}})
    assert message == "'cohort.columns.lable' is no key; did you mean 'cohort.columns.label'?"


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"cohort": {}}, "'cohort.source' is missing; add source = … to [cohort]"),
        ({"cohort": None}, "'cohort' is missing; add a table [cohort]"),
        ({"reader": 3}, "'reader': expected a table, got 3; write [reader] and its keys below"),
        (
            {"reader": {"head": "forest"}},
            "'reader.head': expected 'linear', 'mlp', 'logistic', 'random-forest', 'gradient-boosting' "
            "or 'xgboost', got 'forest'",
        ),
        (
            {"reader": {"reduce": "pca"}},
            '\'reader.reduce\': expected "none" for the head "linear", got "pca"; '
            'head = "logistic" is the linear head on fewer features',
        ),
        (
            {"reader": {"head": "xgboost", "imbalance": "focal"}},
            '\'reader.imbalance\': expected "none", "class-weights", "balanced-sampling" or "upsample" for '
            'the head "xgboost", got "focal"; trees grow by a loss of their own',
        ),
        (
            {"reader": {"image_size": "big"}},
            "'reader.image_size': expected 'auto' or a valid integer, got 'big'",
        ),
        (
            {"reader": {"image_size": 5}},
            "'reader.image_size': expected \"auto\" or 28 to 2048 pixels, got 5",
        ),
        (
            {"reader": {"phases": ["fine-tune"]}},
            '\'reader.phases\': expected ["head"] or ["head", "fine-tune"], got [\'fine-tune\']; '
            "fine-tuning starts from a trained head",
        ),
        (
            {"reader": {"fine_tune": {"epochs": 0}}},
            "'reader.fine_tune.epochs': expected 'auto' or greater than or equal to 1, got 0",
        ),
        (
            {"reader": {"fine_tune": {"blocks": 0}}},
            "'reader.fine_tune.blocks': expected 'all' or greater than or equal to 1, got 0",
        ),
        (
            {"cohort": {"source": "x", "split": {"train": 0.9}}},
            "'cohort.split': train + tune + test must be 1, got 1.3",
        ),
        ({"cohort": {"source": 3}}, "'cohort.source': expected a path, got 3"),
        (
            {"tracking": {"uri": "sqllite"}},
            "'tracking.uri': expected \"none\", \"sqlite\" or an address such as https://…, got 'sqllite'",
        ),
        ({"study": {"seed": -1}}, "'study.seed': expected greater than or equal to 0, got -1"),
        (
            {"evaluation": {"operating_point": {"sensitivity": 0.9, "youden": True}}},
            "'evaluation.operating_point': expected one of sensitivity, specificity and youden, "
            "got ['sensitivity', 'youden']",
        ),
    ],
)
def test_a_wrong_value_says_what_was_expected_and_what_came(said: dict[str, Any], message: str) -> None:
    assert refusal(said).startswith(message)


def test_a_missing_study_says_how_to_write_one(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="there is no such file; write one with 'overread init skin'"):
        load_study(tmp_path / "study.toml")


@pytest.mark.parametrize("content", [b"[cohort\nsource = 1", b"[cohort]\nsource = images\n", b"= 1"])
def test_a_file_that_is_no_toml_says_where_it_breaks(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_bytes(content)
    with pytest.raises(StudyError, match=r"is no TOML \(.*line \d+"):
        load_study(path)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", None])
def test_what_is_no_text_is_refused(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(StudyError, match="cannot be read as text"):
        load_study(path)


def test_paths_are_beside_the_study_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here" / "images").mkdir(parents=True)
    (tmp_path / "there" / "images").mkdir(parents=True)
    (tmp_path / "there" / "only").mkdir()
    (tmp_path / "here" / "s.toml").write_text(
        '[cohort]\nsource = "images"\n[reader]\nweights = "local-dir:images"'
    )
    monkeypatch.chdir(tmp_path / "there")
    study = load_study(tmp_path / "here" / "s.toml")
    assert study.path(study.settings.cohort.source) == tmp_path / "here" / "images"
    assert study.weights == f"local-dir:{tmp_path / 'here' / 'images'}"
    assert study.weights_file == tmp_path / "here" / "images" / "model.safetensors"
    assert study.path(Path("only")) == Path("only")
    assert study.path(Path("neither")) == tmp_path / "here" / "neither"


# --- the commented templates ---------------------------------------------------------------------

# Examples, not defaults: the comment says so or the default is "nothing".
EXAMPLES = {
    "map",
    "positive",
    "exclude",
    "only",
    "accept_leakage",
    "table",
    "columns",
    "drop_missing",
    "urgent",
    "workers",
    "master",
    "spark",
    "space",
}


@pytest.mark.parametrize("kind", TEMPLATES)
def test_a_template_is_a_study_as_it_stands(kind: str) -> None:
    settings = check_study(tomllib.loads(template(kind)), where="template")
    assert settings.reader == {"skin7": ReaderSettings(backbone="resnet50")}.get(kind, ReaderSettings())


@pytest.mark.parametrize("kind", TEMPLATES)
def test_what_a_template_comments_out_is_the_default(kind: str) -> None:
    written = tomllib.loads(template(kind))
    uncommented = re.sub(r"(?m)^# (\w+ = )", r"\1", template(kind))
    said = tomllib.loads(uncommented)
    checked = StudySettings.model_validate(said)
    default = StudySettings.model_validate({"cohort": {"source": "x"}})
    for table, key in KEYS:
        if not table or isinstance(getattr(_at(default, table), key), BaseModel):
            continue
        if key in _at(written, table) or key in EXAMPLES:
            continue
        assert getattr(_at(checked, table), key) == getattr(_at(default, table), key), f"{table} {key}"


@pytest.mark.parametrize("kind", TEMPLATES)
def test_a_template_shows_every_key(kind: str) -> None:
    said = tomllib.loads(re.sub(r"(?m)^# (\w+ = )", r"\1", template(kind)))
    alternatives = {"specificity", "youden"}  # to sensitivity, of which there can be only one
    missing = [
        (table, key)
        for table, key in KEYS
        if key not in _at(said, table) and key not in alternatives | {"classes"}
    ]
    assert missing == []


@pytest.mark.parametrize("kind", TEMPLATES)
def test_a_template_names_every_choice(kind: str) -> None:
    text = template(kind)
    for model in (ReaderSettings, FineTuneSettings):
        for field in model.model_fields.values():
            for choice in getattr(field.annotation, "__args__", ()):
                if isinstance(choice, str):
                    assert f'"{choice}"' in text, choice


def test_the_seven_classes_are_named_in_full_and_the_dangerous_ones_are_urgent() -> None:
    settings = check_study(tomllib.loads(template("skin7")), where="template")
    codes = settings.cohort.map
    assert sorted(codes) == ["akiec", "bcc", "bkl", "df", "mel", "nv", "vasc"]
    assert settings.bundle.urgent == tuple(codes[code] for code in ("mel", "bcc", "akiec"))
    assert (settings.cohort.layout, settings.cohort.drop_missing) == ("ham10000", ("age", "sex"))


def _at(said: Any, table: tuple[str, ...]) -> Any:
    for name in table:
        said = said.get(name, {}) if isinstance(said, dict) else getattr(said, name)
    return said


def test_the_phase_between_head_and_fine_tuning_may_be_named() -> None:
    said = {"cohort": {"source": "x"}, "reader": {"phases": ["head", "reconnect", "fine-tune"]}}
    assert check_study(said, where="study").reader.phases == ("head", "fine-tune")


def test_a_uri_stays_as_it_was_written_and_a_path_is_made_whole(tmp_path: Path) -> None:
    for said, whole in (("s3a://bucket/ham", "s3a://bucket/ham"), ("images", tmp_path / "images")):
        path = tmp_path / "study.toml"
        path.write_text(f'[cohort]\nsource = "{said}"\n')
        study = load_study(path)
        assert study.source == whole
        assert said_of(study.settings)["cohort"]["source"] == said
