"""The trials of a search in an SQLite file: what was drawn, what came of it, what to draw next (Optuna)."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from overread.errors import UsageError
from overread.study.search import Space, Value

if TYPE_CHECKING:
    import optuna

_NAME = "overread tune"
_KEY, _FACTS = "key", "facts"


@dataclass(frozen=True)
class Entry:
    """A trial that came to its end.

    Attributes:
        number: From 1, in the order of the search.
        drawn: Values by key.
        value: Of the metric; NaN where it failed.
        facts: What was noted with it.
        seconds: How long it took.
    """

    number: int
    drawn: dict[str, Value]
    value: float
    facts: dict[str, Any]
    seconds: float


class Ledger:
    """A search that can be stopped at any moment: a trial that did not come to its end is drawn again.

    Draws come from a tree-structured Parzen estimator (Bergstra et al., NeurIPS 2011), seeded anew for each
    trial by its place, so that an interrupted search draws what an uninterrupted one would have drawn.

    Args:
        path: The SQLite file; made where missing. It holds text and numbers, no pickles.
        key: Names the search: all that its values depend on.
        space: What is drawn.
        sign: 1 where more is better, -1 where less is.
        seed: Of the draws.

    Raises:
        UsageError: The file holds another search, or is none.
    """

    def __init__(self, path: Path, *, key: str, space: Space, sign: float, seed: int) -> None:
        import optuna
        from sqlalchemy import URL
        from sqlalchemy.exc import SQLAlchemyError

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._space, self._seed = space, seed
        where = f"'{path}'"
        try:
            url = URL.create("sqlite", database=str(path.absolute())).render_as_string()
            self._study = optuna.create_study(
                storage=url,
                study_name=_NAME,
                direction="maximize" if sign > 0 else "minimize",
                load_if_exists=True,
            )
            said = self._study.user_attrs.setdefault(_KEY, key)
            self._study.set_user_attr(_KEY, said)
        except (SQLAlchemyError, RuntimeError) as error:
            raise UsageError("is no search of Overread", where=where, todo="remove it") from error
        if said != key:
            raise UsageError(
                "holds the search of another study, cohort or space",
                where=where,
                todo="choose another folder",
            )
        for trial in self._study.get_trials(deepcopy=False):
            if not trial.state.is_finished():
                self._study.tell(trial.number, state=optuna.trial.TrialState.FAIL)

    def entries(self) -> list[Entry]:
        """The trials that came to their end, in their order; interrupted ones are left out."""
        ended = [one for one in self._study.get_trials(deepcopy=False) if _FACTS in one.user_attrs]
        return [
            Entry(
                number=at,
                drawn=dict(one.params),
                value=one.value if one.value is not None else float("nan"),
                facts=one.user_attrs[_FACTS],
                seconds=one.duration.total_seconds() if one.duration else float("nan"),
            )
            for at, one in enumerate(ended, start=1)
            if one.state.is_finished()
        ]

    def draw(self) -> optuna.Trial:
        """A new trial with a value for every key of the space."""
        from optuna.samplers import TPESampler

        place = len(self.entries())
        seed = int(np.random.default_rng((self._seed, place)).integers(2**31))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that an option of the sampler may change one day
            self._study.sampler = TPESampler(seed=seed, constant_liar=False, multivariate=False)
            trial = self._study.ask()
            for key, knob in self._space.items():
                if isinstance(knob, tuple):
                    trial.suggest_categorical(key, knob)
                elif knob.whole:
                    trial.suggest_int(key, int(knob.low), int(knob.high), log=knob.log)
                else:
                    trial.suggest_float(key, knob.low, knob.high, log=knob.log)
        return trial

    def finish(self, trial: optuna.Trial, value: float, facts: Mapping[str, Any]) -> None:
        """Write down what came of a trial; NaN: it failed."""
        from optuna.trial import TrialState

        trial.set_user_attr(_FACTS, dict(facts))
        if np.isnan(value):
            self._study.tell(trial, state=TrialState.FAIL)
        else:
            self._study.tell(trial, value)

    def importances(self) -> dict[str, float]:
        """How much of the metric's variation each key explains, largest first; {} where there is too little.

        Functional analysis of variance over a random forest (Hutter et al., ICML 2014).
        """
        from optuna.importance import FanovaImportanceEvaluator, get_param_importances

        values = {one.value for one in self.entries() if not np.isnan(one.value)}
        if len(values) < 2:
            return {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                found = get_param_importances(
                    self._study, evaluator=FanovaImportanceEvaluator(seed=self._seed)
                )
            except (ValueError, RuntimeError):  # too few trials, or one value of each key
                return {}
        return {key: float(share) for key, share in found.items()}
