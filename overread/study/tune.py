"""`overread tune`: search over settings of the reader on train and tune, never on test."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from overread import __version__
from overread.cohort import Cohort
from overread.engine import Engine, write_atomically
from overread.engine.spark.hadoop import is_uri
from overread.errors import BackboneError, CohortError, StudyError, TrainingError
from overread.progress import SILENT, Progress
from overread.study.cohort import cohort_of
from overread.study.judging import (
    Array,
    Judged,
    best_of,
    corrected_value,
    nested_logits,
    simplest_within,
)
from overread.study.ledger import Entry, Ledger
from overread.study.search import Space, Value, changes, said_of, settle, space_of, value_at, with_values
from overread.study.settings import Study, StudySettings
from overread.study.toml_text import toml_text
from overread.training.settings import ReaderSettings

DATABASE, BEST, TABLE, PAGE = "tune.db", "best.toml", "trials.csv", "tune.html"
# What no answer of a reader depends on.
_IDLE = {"tune", "engine", "tracking", "evaluation", "bundle"}


@dataclass(frozen=True)
class Trial:
    """Settings that were judged.

    Attributes:
        number: 0 for the study as it is, then in the order of the search.
        drawn: Values by key; those that did not go with the others are among them.
        used: The values of the keys of the space that were used.
        changed: The keys at which the settings differ from the study.
        value: Of the metric; NaN where the trial failed.
        error: Its standard error, by resampling patients.
        seconds: How long it took.
        failed: Why it failed; "" where it did not.
    """

    number: int
    drawn: dict[str, Value]
    used: dict[str, Value]
    changed: dict[str, Value]
    value: float
    error: float
    seconds: float
    failed: str = ""


@dataclass(frozen=True)
class TuneResult:
    """What a search found, and where it is written down.

    Attributes:
        best: A study file with the best settings, for `overread run`.
        table: All trials, CSV.
        page: The same as a page.
        database: The search, to go on with.
        metric: What was measured.
        judge: "tune" or "nested".
        trials: How many came to their end, failed ones among them.
        failed: How many failed.
        number: The best trial; 0 is the study as it is.
        settings: The keys that it changes, with their values.
        value: Of the metric there: too good, as the best of many.
        standard_error: Of that, by resampling patients.
        corrected: What the search is worth on patients by whom nothing was chosen.
        unchanged: The value of the study as it is.
        simplest: The trial with the fewest changes within one standard error of the best.
    """

    best: Path
    table: Path
    page: Path
    database: Path
    metric: str
    judge: str
    trials: int
    failed: int
    number: int
    settings: dict[str, Value]
    value: float
    standard_error: float
    corrected: float
    unchanged: float
    simplest: int

    def as_json(self) -> dict[str, Any]:
        """For `--json`: paths as text."""
        return {
            name: str(value) if isinstance(value, Path) else value for name, value in asdict(self).items()
        }


def tune_study(
    study: Study,
    out: Path,
    *,
    trials: int | None = None,
    timeout: float | None = None,
    engine: Engine | None = None,
    progress: Progress = SILENT,
) -> TuneResult:
    """Try settings of the reader and keep the best.

    Args:
        study: Whose [tune] table says what is tried, and how it is judged.
        out: Folder for everything; stopped at any moment, the same call goes on.
        trials: Until there are so many in all; None: as the study says.
        timeout: Minutes after which no new trial is begun.
        engine: Where images are read; None: as the study says.
        progress: Who listens.

    Raises:
        StudyError: The space is wrong; nothing was run.
        UsageError: `out` holds another search.
        TrainingError: No settings at all could be trained, or the metric is undefined on the judged images.
        CohortError: The cohort cannot be made.
    """
    settings = study.settings
    space = space_of(settings, where="study")
    if settings.tune.judge == "nested" and "fine-tune" in settings.reader.phases:
        raise StudyError(
            "nested cross-validation judges heads alone, got a study with fine-tuning",
            where="tune.judge",
            todo='set reader.phases = ["head"], or tune.judge = "tune"',
        )
    if engine is None:
        with settings.engine.opened(progress=progress) as opened:
            return tune_study(study, out, trials=trials, timeout=timeout, engine=opened, progress=progress)
    cohort = cohort_of(study, out, engine=engine, progress=progress)
    search = _Search(study, cohort, out, space=space, engine=engine)
    search.run(trials or settings.tune.trials, timeout=timeout, progress=progress)
    return search.publish()


class _Search:
    """One search at work."""

    def __init__(self, study: Study, cohort: Cohort, out: Path, *, space: Space, engine: Engine) -> None:
        from overread.training.judge import Judge

        self._study, self._out, self._space = study, out, space
        self._said, self._seed = said_of(study.settings), study.settings.study.seed
        table = study.settings.tune
        self._key = _key(study, cohort, space)
        self._judge = Judge(cohort, out / "work", way=table.judge, engine=engine, seed=self._seed)
        self._judged = Judged(
            self._judge.targets, self._judge.groups, self._judge.folds, cohort.task, table.metric
        )
        if np.isnan(self._judged.value(np.zeros_like(self._judged.targets))):
            raise TrainingError(
                f"{table.metric} is undefined there: no class has images with it and without it",
                where=f"cohort '{cohort.card.name}', judged images",
                todo="give tune a larger share",
            )
        self._ledger = Ledger(
            out / DATABASE, key=self._key, space=space, sign=self._judged.sign, seed=self._seed
        )
        self._failed: dict[str, str] = {}

    def run(self, trials: int, *, timeout: float | None, progress: Progress) -> None:
        """Go on until there are so many trials, or the time is over."""
        until = time.monotonic() + 60 * timeout if timeout is not None else float("inf")
        self._answer({})
        done = len(self._ledger.entries())
        with progress.task("trying settings", trials) as task:
            task.advance(min(done, trials))
            for _ in range(done, trials):
                if time.monotonic() >= until:
                    progress.note("the time is over: the same command goes on with the search")
                    break
                trial = self._ledger.draw()
                answer, facts = self._answer(trial.params), {}
                value = error = float("nan")
                if isinstance(answer, str):
                    facts = {"failed": answer}
                else:
                    value = self._judged.value(answer[0])
                    error = self._judged.standard_error(answer[0], seed=self._seed)
                self._ledger.finish(trial, value, {**facts, "error": None if np.isnan(error) else error})
                task.advance()

    def publish(self) -> TuneResult:
        """Write the best study, the table and the page.

        Raises:
            TrainingError: Nothing could be trained.
        """
        trials = [self._first(), *(self._trial(one) for one in self._ledger.entries())]
        values = {one.number: one.value for one in trials}
        number = best_of(values, sign=self._judged.sign)
        if number is None:
            raise TrainingError(
                f"none of {len(trials)} settings could be trained, the first: {trials[0].failed}",
                todo="mend the study, or its tune.space",
            )
        best = trials[number]
        changed = {one.number: len(one.changed) for one in trials}
        simplest = simplest_within(values, changed, best=number, error=best.error, sign=self._judged.sign)
        table = self._study.settings.tune
        result = TuneResult(
            best=self._out / BEST,
            table=self._out / TABLE,
            page=self._out / PAGE,
            database=self._out / DATABASE,
            metric=table.metric,
            judge=table.judge,
            trials=len(trials) - 1,
            failed=sum(bool(one.failed) for one in trials[1:]),
            number=number,
            settings=best.changed,
            value=best.value,
            standard_error=best.error,
            corrected=self._corrected(trials),
            unchanged=trials[0].value,
            simplest=simplest,
        )
        from overread.study.tune_page import render_tune

        settings, _ = settle(self._said, best.drawn)
        write_atomically(result.best, best_study(self._study, settings, result).encode())
        write_atomically(result.table, trials_csv(trials, self._space).encode())
        page = render_tune(
            result,
            trials,
            study=self._study.settings,
            space=self._space,
            importances=self._ledger.importances(),
            images=len(self._judged.targets),
            patients=len(np.unique(self._judged.groups)),
        )
        write_atomically(result.page, page.encode())
        return result

    def _first(self) -> Trial:
        answer = self._answer({})
        used = {key: value_at(self._study.settings, key) for key in self._space}
        nothing = float("nan")
        if isinstance(answer, str):
            return Trial(0, {}, used, {}, nothing, nothing, nothing, answer)
        error = self._judged.standard_error(answer[0], seed=self._seed)
        return Trial(0, {}, used, {}, self._judged.value(answer[0]), error, nothing)

    def _trial(self, entry: Entry) -> Trial:
        settings, _ = settle(self._said, entry.drawn)
        error = entry.facts.get("error")
        return Trial(
            entry.number,
            entry.drawn,
            {key: value_at(settings, key) for key in self._space},
            changes(self._study.settings, settings, self._space),
            entry.value,
            float("nan") if error is None else float(error),
            entry.seconds,
            entry.facts.get("failed", ""),
        )

    def _corrected(self, trials: list[Trial]) -> float:
        """Of the answers that were kept; a trial that failed has none."""
        answers = [self._answer(one.drawn) for one in trials if not one.failed]
        good = [one for one in answers if not isinstance(one, str)]
        logits = [one[0] for one in good]
        if self._study.settings.tune.judge == "nested":
            return self._judged.value(nested_logits(self._judged, logits, [one[1] for one in good]))
        return corrected_value(self._judged, logits, seed=self._seed)

    def _answer(self, drawn: Mapping[str, Value]) -> tuple[Array, Array] | str:
        """Logits and inner logits of a draw, from an earlier trial of the same settings where there is one.

        Settings that do not allow training give the sentence that says why.
        """
        settings, _ = settle(self._said, drawn)
        reader = settings.reader.model_copy(update={"weights": Study(settings, self._study.base).weights})
        path = self._out / "judged" / f"{_digest(self._key, reader)}.npz"
        if path.name in self._failed:
            return self._failed[path.name]
        if path.is_file():
            with np.load(path, allow_pickle=False) as found:
                return found["logits"], found["inner"]
        try:
            answers = self._judge(reader)
        except (TrainingError, BackboneError, CohortError) as error:
            self._failed[path.name] = str(error)
            return str(error)
        path.parent.mkdir(exist_ok=True)
        content = io.BytesIO()
        np.savez(content, logits=answers.logits, inner=answers.inner)
        write_atomically(path, content.getvalue())
        return answers.logits, answers.inner


def best_study(study: Study, settings: StudySettings, result: TuneResult) -> str:
    """A study file with the best settings; its paths are whole, so that it may lie anywhere."""
    said = said_of(settings)
    whole: dict[str, Value] = {
        f"cohort.{name}": str(study.path(Path(said["cohort"][name])).absolute())
        for name in ("source", "table")
        if said["cohort"].get(name) is not None and not is_uri(said["cohort"][name])
    }
    weights = Study(settings, study.base).weights
    if weights not in ("imagenet", "none"):
        prefix = "local-dir:" if weights.startswith("local-dir:") else ""
        whole["reader.weights"] = prefix + str(Path(weights.removeprefix(prefix)).absolute())
    chosen = f"trial {result.number} of {result.trials}" if result.number else "the study as it was"
    head = (
        f"Written by overread tune: {chosen}, {result.metric} {result.value:.3f}.\n"
        "Chosen as the best of many, that figure is too good; only overread run measures on test."
    )
    return toml_text(with_values(said, whole), head=head)


def trials_csv(trials: list[Trial], space: Space) -> str:
    """A row a trial; what is undefined is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["trial", "value", "standard_error", "seconds", "failed", *space])
    for one in trials:
        figures = ["" if np.isnan(x) else f"{x:.9g}" for x in (one.value, one.error, round(one.seconds, 3))]
        writer.writerow([one.number, *figures, one.failed, *(one.used[key] for key in space)])
    return text.getvalue()


def _key(study: Study, cohort: Cohort, space: Space) -> str:
    said = {
        "version": __version__,
        "study": study.settings.model_dump(mode="json", exclude=_IDLE),
        "judge": [study.settings.tune.judge, study.settings.tune.metric],
        "space": {
            key: list(knob) if isinstance(knob, tuple) else knob.model_dump() for key, knob in space.items()
        },
        "cohort": cohort.card.content_hash,
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _digest(key: str, reader: ReaderSettings) -> str:
    return hashlib.sha256(f"{key} {reader.model_dump_json()}".encode()).hexdigest()[:24]
