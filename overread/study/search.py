"""What a search may change of a study, and the study that a draw makes: pure functions of settings."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import combinations, islice, product
from typing import Any

from overread.errors import StudyError
from overread.study.settings import Between, StudySettings, check_study
from overread.training.settings import ReaderSettings

Value = str | int | float | bool
Knob = Between | tuple[Value, ...]
Space = dict[str, Knob]

SEARCHED = "reader."
_MOST_COMBINATIONS = 500


def space_of(settings: StudySettings, *, where: str) -> Space:
    """The space that a study declares, checked value by value; or, where it declares none, one made for it.

    Raises:
        StudyError: A key is none of the study or not one of [reader], or the study could not take a value
            whatever else is drawn; nothing was run by then.
    """
    space = dict(settings.tune.space) or made_space(settings.reader)
    said = said_of(settings)
    for key, knob in space.items():
        values = _values(key, knob, where)
        for value in values:
            _check_value(said, space, key, value, where)
        if not key.startswith(SEARCHED):
            raise StudyError(
                f"'{key}' cannot be searched",
                where=f"{where}, tune.space",
                todo="name keys of [reader], such as reader.head: the others do not change the reader",
            )
    return space


def made_space(reader: ReaderSettings) -> Space:
    """Heads, their features and what is done about rare classes; with fine-tuning, its rates too.

    Sizes double the time of a search: they are in it only where the head alone is trained.
    """
    space: Space = {
        "reader.head": ("linear", "logistic", "mlp", "random-forest", "gradient-boosting"),
        "reader.reduce": ("none", "pca", "select"),
        "reader.features": ("stages", "last"),
        "reader.imbalance": ("class-weights", "none", "balanced-sampling"),
    }
    if "fine-tune" not in reader.phases:
        sizes: tuple[Value, ...] = ("auto", 225, 321, 449)
        if reader.backbone == "small":
            sizes = ("auto", 28, 48, 64)
        elif reader.weights == "none":
            sizes = ("auto", 65, 97, 129)
        return space | {"reader.image_size": sizes}
    return space | {
        "reader.head": ("linear", "mlp"),
        "reader.reduce": ("none",),
        "reader.fine_tune.learning_rate": Between(low=1e-5, high=1e-3, log=True),
        "reader.fine_tune.layer_decay": Between(low=0.5, high=1.0),
        "reader.fine_tune.mix": ("none", "mixup", "cutmix"),
        "reader.fine_tune.label_smoothing": (0.0, 0.1),
        "reader.fine_tune.ema": (0.0, 0.99),
    }


def said_of(settings: StudySettings) -> dict[str, Any]:
    """The keys that a study states, as its file would."""
    said: dict[str, Any] = settings.model_dump(mode="json", exclude_unset=True)
    return said


def settle(said: Mapping[str, Any], drawn: Mapping[str, Value]) -> tuple[StudySettings, tuple[str, ...]]:
    """The study that a draw makes.

    Values may not go together ("pca" and the linear head). Then as few as possible are left out, and of these
    the last, and their keys stay as the study has them.

    Args:
        said: The keys that the study states.
        drawn: Values by key.

    Returns:
        The settings, and the keys whose value was left out.

    Raises:
        StudyError: The study is wrong without any of them.
    """
    keys = list(drawn)
    for count in range(len(keys) + 1):
        for left_out in combinations(reversed(keys), count):
            kept = {key: value for key, value in drawn.items() if key not in left_out}
            try:
                return check_study(with_values(said, kept), where="study"), tuple(sorted(left_out))
            except StudyError:
                if count == len(keys):
                    raise
    raise AssertionError("the last combination returns or raises")


def with_values(said: Mapping[str, Any], values: Mapping[str, Value]) -> dict[str, Any]:
    """A study's tables with some keys set; neither argument changes.

    Example:
        >>> with_values({"reader": {"head": "mlp"}}, {"reader.fine_tune.epochs": 3})
        {'reader': {'head': 'mlp', 'fine_tune': {'epochs': 3}}}
    """
    tables = {name: dict(table) if isinstance(table, Mapping) else table for name, table in said.items()}
    for key, value in values.items():
        first, *rest = key.split(".")
        if not rest:
            tables[first] = value
            continue
        inner = tables.get(first, {})
        tables[first] = with_values(inner if isinstance(inner, Mapping) else {}, {".".join(rest): value})
    return tables


def value_at(settings: StudySettings, key: str) -> Any:
    """What a study has at a key: the file's value, or the default."""
    value: Any = settings
    for name in key.split("."):
        value = getattr(value, name)
    return value


def changes(study: StudySettings, other: StudySettings, keys: Mapping[str, Any]) -> dict[str, Value]:
    """The keys at which another study differs, with its values."""
    return {key: value_at(other, key) for key in keys if value_at(other, key) != value_at(study, key)}


def _values(key: str, knob: Knob, where: str) -> tuple[Value, ...]:
    """What is checked of a knob: each choice, or both ends of a range."""
    where = f"{where}, tune.space"
    if isinstance(knob, tuple):
        if not knob:
            raise StudyError(f"'{key}': expected values to choose from, got none", where=where)
        return knob
    if not (math.isfinite(knob.low) and math.isfinite(knob.high) and knob.low < knob.high):
        raise StudyError(f"'{key}': expected low < high, got {knob.low:g} and {knob.high:g}", where=where)
    if knob.log and knob.low <= 0:
        raise StudyError(f"'{key}': expected low above 0 with log = true, got {knob.low:g}", where=where)
    if knob.whole and not (knob.low.is_integer() and knob.high.is_integer()):
        raise StudyError(
            f"'{key}': expected whole numbers with whole = true, got {knob.low:g} and {knob.high:g}",
            where=where,
        )
    return tuple(int(one) if knob.whole else one for one in (knob.low, knob.high))


def _check_value(said: Mapping[str, Any], space: Space, key: str, value: Value, where: str) -> None:
    """The study's own check of one value; one that only goes with values of other keys is fine."""
    try:
        check_study(with_values(said, {key: value}), where=f"{where}, tune.space")
    except StudyError as error:
        if not any(_fits(said, {**others, key: value}) for others in _other_draws(space, key)):
            raise error from None


def _fits(said: Mapping[str, Any], values: Mapping[str, Value]) -> bool:
    try:
        check_study(with_values(said, values), where="")
    except StudyError:
        return False
    return True


def _other_draws(space: Space, key: str) -> Iterator[dict[str, Value]]:
    others = {name: knob for name, knob in space.items() if name != key and isinstance(knob, tuple)}
    draws = (dict(zip(others, values, strict=True)) for values in product(*others.values()))
    return islice(draws, _MOST_COMBINATIONS)
