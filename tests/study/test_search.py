from __future__ import annotations

from typing import Any

import pytest

from overread.errors import StudyError
from overread.study.search import changes, made_space, said_of, settle, space_of, with_values
from overread.study.settings import Between, StudySettings, check_study
from overread.training.settings import ReaderSettings


def study(space: dict[str, Any] | None = None, **reader: Any) -> StudySettings:
    return check_study(
        {"cohort": {"source": "images"}, "reader": reader, "tune": {"space": space or {}}}, where="study"
    )


def refusal(space: dict[str, Any], **reader: Any) -> str:
    with pytest.raises(StudyError) as raised:
        space_of(study(space, **reader), where="study 'a.toml'")
    return str(raised.value)


def test_a_declared_space_is_taken_as_it_stands() -> None:
    space = space_of(
        study({"reader.head": ["linear", "mlp"], "reader.folds": {"low": 2, "high": 8, "whole": True}}),
        where="study",
    )
    assert space == {"reader.head": ("linear", "mlp"), "reader.folds": Between(low=2, high=8, whole=True)}


def test_an_unknown_key_names_the_nearest_known_one() -> None:
    assert "'reader.hed' is no key; did you mean 'reader.head'?" in refusal({"reader.hed": ["mlp"]})
    assert "did you mean 'reader.fine_tune.epochs'?" in refusal({"reader.fine_tune.epoch": [3]})


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"reader.head": ["linear", "forest"]}, "'reader.head': expected 'linear', 'mlp'"),
        (
            {"reader.folds": {"low": 1, "high": 5, "whole": True}},
            "'reader.folds': expected greater than or equal to 2, got 1",
        ),
        ({"reader.folds": {"low": 5, "high": 2}}, "'reader.folds': expected low < high, got 5 and 2"),
        (
            {"reader.fine_tune.weight_decay": {"low": 0, "high": 1, "log": True}},
            "expected low above 0 with log = true, got 0",
        ),
        ({"reader.folds": {"low": 2.5, "high": 5, "whole": True}}, "expected whole numbers"),
        ({"reader.head": []}, "expected values to choose from, got none"),
        ({"evaluation.resamples": [200, 300]}, "'evaluation.resamples' cannot be searched"),
        ({"study.seed": [1, 2]}, "name keys of [reader], such as reader.head"),
        ({"reader.reduce": ["pca"]}, '\'reader.reduce\': expected "none" for the head "linear"'),
    ],
)
def test_what_a_study_cannot_take_is_refused_before_anything_runs(
    space: dict[str, Any], message: str
) -> None:
    assert message in refusal(space)


def test_a_value_that_goes_with_another_of_the_space_is_fine() -> None:
    space = {"reader.reduce": ["none", "pca"], "reader.head": ["linear", "logistic"]}
    assert set(space_of(study(space), where="study")) == set(space)


@pytest.mark.parametrize("phases", [("head",), ("head", "fine-tune")])
@pytest.mark.parametrize("weights", ["imagenet", "none"])
def test_a_made_space_holds_only_what_the_study_can_take(phases: tuple[str, ...], weights: str) -> None:
    asked = study(phases=phases, weights=weights)
    space = space_of(asked, where="study")
    assert space == made_space(asked.reader)
    assert any(key.startswith("reader.fine_tune.") for key in space) == ("fine-tune" in phases)
    assert "reader.head" in space


def test_values_that_do_not_go_together_leave_out_the_fewest_and_last() -> None:
    said = said_of(study())
    settings, left_out = settle(
        said, {"reader.head": "linear", "reader.reduce": "pca", "reader.features": "last"}
    )
    assert left_out == ("reader.reduce",)
    assert (settings.reader.head, settings.reader.reduce, settings.reader.features) == (
        "linear",
        "none",
        "last",
    )
    assert settle(said, {"reader.head": "logistic", "reader.reduce": "pca"})[1] == ()
    # Either could be left out of this one.
    of_logistic = said_of(study(head="logistic"))
    assert settle(of_logistic, {"reader.head": "linear", "reader.reduce": "pca"})[1] == ("reader.reduce",)


def test_only_what_the_study_states_is_said() -> None:
    said = said_of(study(head="mlp"))
    assert said["reader"] == {"head": "mlp"}
    assert said["cohort"] == {"source": "images"}


def test_setting_values_changes_neither_argument() -> None:
    said = {"reader": {"head": "mlp", "fine_tune": {"epochs": 2}}}
    made = with_values(said, {"reader.fine_tune.epochs": 3, "reader.folds": 4})
    assert made == {"reader": {"head": "mlp", "fine_tune": {"epochs": 3}, "folds": 4}}
    assert said == {"reader": {"head": "mlp", "fine_tune": {"epochs": 2}}}


def test_changes_are_told_against_the_study_with_its_defaults() -> None:
    first = study(head="mlp")
    second, _ = settle(said_of(first), {"reader.head": "mlp", "reader.folds": 7})
    assert changes(first, second, {"reader.head": 0, "reader.folds": 0}) == {"reader.folds": 7}
    assert ReaderSettings().folds == 5
