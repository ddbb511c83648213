"""The page of a search: what was found, how far it can be believed, how it went."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from overread.evaluation.pages import page_environment, safe, stylesheet, tidy
from overread.study.search import Space, value_at
from overread.study.settings import Between, StudySettings

if TYPE_CHECKING:
    from overread.study.tune import Trial, TuneResult

METRICS = {"roc_auc": "ROC AUC", "average_precision": "average precision", "log_loss": "log loss"}


def render_tune(
    result: TuneResult,
    trials: Sequence[Trial],
    *,
    study: StudySettings,
    space: Space,
    importances: Mapping[str, float],
    images: int,
    patients: int,
) -> str:
    """Write the page: self-contained, without a script, of no patient's data.

    Args:
        result: What was found.
        trials: All of them, the study as it is first.
        study: As it is.
        space: What was searched.
        importances: Share of the variation by key.
        images: On which the settings were judged.
        patients: Whose they are.
    """
    from overread.study.tune_plots import history_plot, importance_plot

    sign = -1.0 if result.metric == "log_loss" else 1.0
    environment = page_environment("overread.study")
    history = history_plot(
        [one.value for one in trials[1:]],
        baseline=trials[0].value,
        error=result.standard_error,
        best=result.number,
        metric=METRICS[result.metric],
        sign=sign,
    )
    shares = [(_short(key), share) for key, share in importances.items()]
    page = environment.get_template("tune.html.jinja").render(
        style=stylesheet(environment, "report.css", "tune.css"),
        name=study.study.name,
        metric=METRICS[result.metric],
        result=result,
        lead=_lead(result, images, patients),
        sentences=sentences(result, trials),
        cautions=_cautions(result, trials, study),
        history=safe(history),
        importance=safe(importance_plot(shares)) if shares else None,
        slices=[(key, safe(one)) for key, one in _slices(result, trials, space)],
        space=[(key, _words(space[key]), _value(value_at(study, key))) for key in space],
        trials=[_row(one) for one in trials],
        keys=[(key, _short(key)) for key in space],
    )
    return tidy(page)


def sentences(result: TuneResult, trials: Sequence[Trial]) -> list[str]:
    """What was found, for people."""
    metric = METRICS[result.metric]
    said = []
    if result.number == 0:
        said.append(
            f"None of {result.trials} trials was better than the study as it is: {metric} "
            f"{_number(result.value)}{_give_or_take(result.standard_error)}."
        )
    else:
        said.append(
            f"The best of {result.trials} trials is number {result.number}: {metric} {_number(result.value)}"
            f"{_give_or_take(result.standard_error)}. It sets {_settings(result.settings)}."
        )
        if not math.isnan(result.unchanged):
            said.append(f"The study as it is comes to {_number(result.unchanged)}.")
    if result.simplest != result.number:
        simple = trials[result.simplest]
        named = (
            f"trial {simple.number} changes less ({_settings(simple.changed)})"
            if simple.number
            else "the study as it is changes nothing"
        )
        said.append(
            f"Within one standard error of the best, {named} and comes to {_number(simple.value)}: where two "
            "settings cannot be told apart, the simpler one is the safer choice."
        )
    return said


def _lead(result: TuneResult, images: int, patients: int) -> str:
    by = f"{images:,} images ({patients:,} patients)"
    judged = (
        f"Each setting was trained on train and judged on the {by} of tune"
        if result.judge == "tune"
        else f"Each setting was judged on the {by} of train and tune, by heads fitted to the other patients"
    )
    return f"{judged}. The test split was not read."


def _cautions(result: TuneResult, trials: Sequence[Trial], study: StudySettings) -> list[str]:
    known = sum(not one.failed for one in trials)
    said = [
        f"{_number(result.value)} is too good: it is the best of {known} figures from the same images, and "
        "the best of many is partly luck."
    ]
    if not math.isnan(result.corrected):
        how = (
            "(resampled patients choose, the others judge)"
            if result.judge == "tune"
            else "(nested cross-validation: each part of the patients is judged by what the others chose)"
        )
        said.append(
            f"On patients by whom nothing was chosen, this search is worth about {_number(result.corrected)} "
            f"{how}."
        )
    if "fine-tune" in study.reader.phases:
        said.append("Fine-tuning stops by the loss on tune, so that its figures there are better still.")
    said.append(f"Only overread run measures on test: overread run {result.best.name}.")
    return said


def _slices(result: TuneResult, trials: Sequence[Trial], space: Space) -> list[tuple[str, str]]:
    from overread.study.tune_plots import slice_plot

    made = []
    for key, knob in space.items():
        own = [one for one in trials if one.drawn and not math.isnan(one.value)]
        if not own:
            continue
        best = next((at for at, one in enumerate(own) if one.number == result.number), None)
        values = [one.value for one in own]
        log = isinstance(knob, Between) and knob.log
        drawing = slice_plot(key, [one.used[key] for one in own], values, log=log, best=best)
        made.append((_short(key), drawing))
    return made


def _row(trial: Trial) -> dict[str, Any]:
    return {
        "number": trial.number,
        "value": _number(trial.value),
        "error": _number(trial.error),
        "seconds": "" if math.isnan(trial.seconds) else f"{trial.seconds:.1f}",
        "failed": trial.failed,
        "cells": {key: _value(value) for key, value in trial.used.items()},
    }


def _short(key: str) -> str:
    return key.removeprefix("reader.").removeprefix("fine_tune.")


def _settings(changed: Mapping[str, Any]) -> str:
    return ", ".join(f"{_short(key)} = {_value(value)}" for key, value in changed.items()) or "nothing"


def _words(knob: Any) -> str:
    if isinstance(knob, Between):
        kind = ", logarithmic" if knob.log else ""
        return f"{knob.low:g} to {knob.high:g}{kind}{', whole' if knob.whole else ''}"
    return ", ".join(_value(one) for one in knob)


def _value(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"


def _give_or_take(error: float) -> str:
    return "" if math.isnan(error) else f", give or take {error:.3f} (one standard error, patients resampled)"
