"""Heads side by side on the same features and the same folds of patients, fitted here or by Spark ML."""

from __future__ import annotations

import hashlib
import io
import json
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from overread import __version__
from overread.cohort import Cohort
from overread.cohort.cohort import CARD
from overread.engine import Engine, write_atomically
from overread.errors import TrainingError, UsageError
from overread.json_text import json_text
from overread.progress import SILENT, Progress
from overread.study.cohort import cohort_of
from overread.study.heads_figures import Judged, Side, figures_of
from overread.study.settings import Study, check_study, load_study, overruled
from overread.training.settings import ReaderSettings

TABLE, PAGE = "heads.json", "heads.html"
HEADS = ("logistic", "random-forest", "gradient-boosting", "xgboost", "linear", "mlp")
FIT_ON, REDUCE = ("local", "spark"), ("none", "pca", "select")
_UNTUNED = ("linear", "mlp")


@dataclass(frozen=True)
class Asked:
    """One row of the table to be.

    Attributes:
        head: "logistic", …
        fit_on: "local" or "spark".
        reduce: "none", "pca" or "select".
    """

    head: str
    fit_on: str
    reduce: str


@dataclass(frozen=True)
class HeadRow:
    """One head.

    Attributes:
        head: Its kind.
        fit_on: Who fitted it.
        reduce: What became of the features first.
        value: ROC AUC, of several findings their mean, or the balanced accuracy of several classes.
        low: Of the 95 % interval, by patients; NaN where there is none.
        high: The same.
        log_loss: Before calibration.
        difference: To the first row.
        difference_low: Of its 95 % interval.
        difference_high: The same.
        p_value: Of no difference, after Holm; NaN for the first row, and where no test is made.
        features: Numbers that the head is given.
        seconds: To fit it, the start of Spark not counted.
        parity: Largest difference of a probability of the converted head to Spark's own; NaN for local heads.
        jumps: Images of which it is more than 1e-5: a tree on sums of features parts at the last digit.
        setting: What was chosen.
        failed: Why there is no head; "" where there is.
    """

    head: str
    fit_on: str
    reduce: str
    value: float
    low: float
    high: float
    log_loss: float
    difference: float
    difference_low: float
    difference_high: float
    p_value: float
    features: int
    seconds: float
    parity: float
    jumps: int
    setting: dict[str, float | str]
    failed: str = ""


@dataclass(frozen=True)
class HeadTable:
    """All rows, and what they rest on.

    Attributes:
        name: Of the study or cohort.
        task: Of the cohort.
        metric: "roc_auc" or "balanced_accuracy".
        backbone: Whose features.
        features: How many it gives.
        images: Of train and tune.
        patients: Whose they are.
        folds: Each is read by a head fitted to the others.
        rows: The first is what the others are compared with.
        page: The same as a page.
        table: The same as JSON.
    """

    name: str
    task: str
    metric: str
    backbone: str
    features: int
    images: int
    patients: int
    folds: int
    rows: tuple[HeadRow, ...]
    page: Path
    table: Path

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


def opened_heads_study(
    target: Path, *, overrule: Sequence[str] = (), where: str = "heads"
) -> tuple[Study, Cohort | None]:
    """A study file, or a cohort's folder with a study of defaults round it.

    Raises:
        UsageError: It is neither.
        StudyError: The study, or a key that is overruled, is wrong.
    """
    if (target / CARD).is_file():
        said = overruled({"study": {"name": "heads"}, "cohort": {"source": str(target)}}, overrule)
        return Study(check_study(said, where="--set"), Path()), Cohort.load(target)
    if target.is_dir():
        raise UsageError(
            "expected a study file or a cohort's folder, got a folder without cohort.json",
            where=f"{where} '{target}'",
            todo="make a cohort of it with 'overread ingest'",
        )
    return load_study(target, overrule=overrule), None


def planned(heads: Sequence[str], fit_on: Sequence[str], reduce: Sequence[str]) -> list[Asked]:
    """The rows, in order; "linear" and "mlp" know neither Spark nor fewer features.

    Raises:
        UsageError: A name is none of those that there are, or nothing is left.
    """
    for option, names, known in (
        ("--heads", heads, HEADS),
        ("--fit-on", fit_on, FIT_ON),
        ("--reduce", reduce, REDUCE),
    ):
        unknown = [name for name in names if name not in known]
        if unknown or not names:
            raise UsageError(
                f"expected some of {', '.join(known)}, got '{unknown[0] if unknown else ''}'", where=option
            )
    rows = [
        Asked(head, where, fewer)
        for head in dict.fromkeys(heads)
        for fewer in dict.fromkeys(reduce)
        for where in dict.fromkeys(fit_on)
        if head not in _UNTUNED or (where, fewer) == ("local", "none")
    ]
    if not rows:
        raise UsageError(
            f"'{heads[0]}' is fitted here and on all features, and nothing of the kind is asked for",
            where="--heads",
            todo="add --fit-on local --reduce none",
        )
    return rows


def check_rows(rows: Sequence[Asked]) -> None:
    """Refuse Spark where it is not installed, before anything is done; a head without its library is a row.

    Raises:
        TrainingError: It is asked for and missing.
    """
    from overread.training.grown_trees import check_installed

    if any(one.fit_on == "spark" for one in rows):
        check_installed("logistic", fit_on="spark")


def compare_heads(
    study: Study,
    out: Path,
    *,
    rows: Sequence[Asked],
    cohort: Cohort | None = None,
    resamples: int = 2000,
    engine: Engine | None = None,
    progress: Progress = SILENT,
) -> HeadTable:
    """Fit each head on train and tune, and measure it on the images that each of its folds left out.

    Test is not read. A row that was made once is kept: the same call goes on where it was stopped.

    Args:
        study: Whose [reader] says all but the head.
        out: Folder for `heads.json`, `heads.html` and what is kept.
        rows: Of `planned`.
        cohort: What to learn from; None: that of the study, made in `out`.
        resamples: Of the patient-clustered bootstrap.
        engine: Where features are computed and where Spark ML fits; None: as the study says.
        progress: Who listens.

    Raises:
        TrainingError: A library is missing, or no row could be fitted.
        CohortError: The cohort cannot be made.
    """
    if engine is None:
        with study.settings.engine.opened(progress=progress) as opened:
            return compare_heads(
                study, out, rows=rows, cohort=cohort, resamples=resamples, engine=opened, progress=progress
            )
    check_rows(rows)
    out.mkdir(parents=True, exist_ok=True)
    if cohort is None:
        cohort = cohort_of(study, out, engine=engine, progress=progress)
    work = _Work(study, cohort, out, engine=engine, progress=progress)
    sides = work.sides(rows)
    judged = Judged(work.targets, work.groups, cohort.task, resamples, study.settings.study.seed)
    found = figures_of(judged, sides)
    if all(one.failed for one in sides):
        raise TrainingError(f"no head could be fitted, the first: {sides[0].failed}", where="heads")
    result = HeadTable(
        name=study.settings.study.name,
        task=cohort.task,
        metric=judged.metric,
        backbone=work.backbone,
        features=work.width,
        images=len(work.targets),
        patients=len(np.unique(work.groups)),
        folds=max(int(one.setting.get("folds", 0)) for one in sides),
        rows=tuple(
            HeadRow(
                head=asked.head,
                fit_on=asked.fit_on,
                reduce=asked.reduce,
                value=figures["value"],
                low=figures["low"],
                high=figures["high"],
                log_loss=figures["log_loss"],
                difference=figures["difference"],
                difference_low=figures["difference_low"],
                difference_high=figures["difference_high"],
                p_value=figures["p_value"],
                features=work.width if "features" not in side.setting else int(side.setting["features"]),
                seconds=side.seconds,
                parity=float(side.setting.get("parity", np.nan)),
                jumps=int(side.setting.get("jumps", 0)),
                setting=side.setting,
                failed=side.failed,
            )
            for asked, side, figures in zip(rows, sides, found, strict=True)
        ),
        page=out / PAGE,
        table=out / TABLE,
    )
    from overread.study.heads_page import render_heads

    said = {name: value for name, value in result.as_json().items() if name not in ("page", "table")}
    write_atomically(result.table, json_text(said, indent=1).encode())
    write_atomically(result.page, render_heads(result).encode())
    return result


class _Work:
    """Features, computed when a row is missing, and the rows that are kept."""

    def __init__(
        self, study: Study, cohort: Cohort, out: Path, *, engine: Engine, progress: Progress
    ) -> None:
        from overread.training.grown_trees import check_installed
        from overread.training.head_phase import joined_features
        from overread.training.train import prepare

        self._check, self._engine, self._progress = check_installed, engine, progress
        self._task, self._folder = cohort.task, out / "rows"
        self._seed = study.settings.study.seed
        self._reader = study.settings.reader.model_copy(
            update={"weights": study.weights, "phases": ("head",), "reduce": "none", "fit_on": "local"}
        )
        made = prepare(
            cohort,
            out / "work",
            settings=self._reader,
            engine=engine,
            seed=self._seed,
            base=None,
            progress=progress,
        )
        self._rows = made.rows
        self._chosen = made.rows.of("train", "tune")
        self._seen, self._copies, self._beside = joined_features(made.features, made.copies, made.metadata)
        self.targets = made.rows.targets[self._chosen]
        self.groups = made.rows.groups[self._chosen]
        self.backbone, self.width = made.backbone.name, self._seen.shape[1]
        said = self._reader.model_dump(mode="json", exclude={"head", "reduce", "fit_on", "fine_tune"})
        self._key = json.dumps(
            [__version__, cohort.card.content_hash, made.backbone.weights_sha256, said, self._seed],
            sort_keys=True,
        )

    def sides(self, rows: Sequence[Asked]) -> list[Side]:
        """What each head says of the images left out; Spark starts once, and only where a row needs it."""
        from overread.training.spark_rows import session_of

        found = []
        with ExitStack() as stack, self._progress.task("fitting heads", len(rows)) as task:
            started = False
            for one in rows:
                kept = self._kept(one)
                if kept is None:
                    if one.fit_on == "spark" and not started:
                        stack.enter_context(session_of(self._engine))
                        started = True
                    kept = self._fitted(one)
                found.append(kept)
                task.advance()
        return found

    def _settings(self, asked: Asked) -> ReaderSettings:
        return ReaderSettings.model_validate({**self._reader.model_dump(), **asdict(asked)})

    def _fitted(self, asked: Asked) -> Side:
        from overread.training.head_phase import fit_rows

        nothing = np.full((0, self.targets.shape[1]), np.nan)
        try:
            settings = self._settings(asked)
            self._check(asked.head, fit_on=asked.fit_on)
            begun = time.monotonic()
            fitted = fit_rows(
                self._seen,
                self._rows,
                self._chosen,
                task=self._task,
                settings=settings,
                seed=self._seed,
                copies=self._copies,
                beside=self._beside,
                engine=self._engine,
            )
        except TrainingError as error:
            return Side(nothing, {}, float("nan"), str(error))
        except ValueError as error:  # settings that do not go together
            return Side(nothing, {}, float("nan"), str(error).partition("Value error, ")[2].split("\n")[0])
        side = Side(fitted.held_out_logits, fitted.setting, time.monotonic() - begun)
        path = self._path(asked)
        path.parent.mkdir(parents=True, exist_ok=True)
        content = io.BytesIO()
        facts = json.dumps({"setting": side.setting, "seconds": side.seconds})
        np.savez(content, logits=side.logits, facts=np.array(facts))
        write_atomically(path, content.getvalue())
        return side

    def _kept(self, asked: Asked) -> Side | None:
        path = self._path(asked)
        if not path.is_file():
            return None
        with np.load(path, allow_pickle=False) as found:
            facts = json.loads(str(found["facts"]))
            return Side(found["logits"], facts["setting"], float(facts["seconds"]))

    def _path(self, asked: Asked) -> Path:
        digest = hashlib.sha256(f"{self._key} {asdict(asked)}".encode()).hexdigest()[:24]
        return self._folder / f"{digest}.npz"
