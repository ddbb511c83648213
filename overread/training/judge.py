"""What readers with other settings say of images that they were not fitted to: what a search compares."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from overread.cohort import Cohort
from overread.engine import Engine
from overread.errors import TrainingError
from overread.progress import SILENT
from overread.training.grown_trees import check_installed
from overread.training.head_phase import fit_rows, joined_features
from overread.training.heads import FittedHead, grouped_folds
from overread.training.reader import Floats, labelled_rows
from overread.training.settings import ReaderSettings
from overread.training.train import Prepared, prepare, train_reader

Way = Literal["tune", "nested"]
OUTER_FOLDS = 5
_KEPT = 4
# What a head is fitted by; all else changes what it is given.
_OF_HEADS = {"head", "reduce", "fit_on", "folds", "focal_gamma", "fine_tune", "phases"}


@dataclass(frozen=True)
class Answers:
    """What one setting says.

    Attributes:
        logits: `[n, outputs]`, of the judged images by readers that were not fitted to them.
        inner: Of nested cross-validation, `[folds, n, outputs]`: for each outer fold, what heads fitted
            without it say of the other images, each left out in turn; NaN for those of the fold. Else
            `[0, n, outputs]`.
    """

    logits: Floats
    inner: Floats


class Judge:
    """Fits readers of any settings to a part of train and tune, and asks them about the rest.

    The test split is never among the judged images. Features are computed once for all settings that differ
    in nothing but the head.

    Args:
        cohort: Whose train and tune it is.
        work: Folder for features and checkpoints.
        way: "tune": fitted on train, judged on tune. "nested": each fifth of the patients of train and tune
            is judged by heads that were fitted to the others.
        engine: Where features are computed, and where Spark ML fits.
        seed: Of folds and training.
        base: Folder to which a relative path of weights refers.

    Raises:
        TrainingError: train or tune is empty, or a class has too few patients.
    """

    def __init__(
        self,
        cohort: Cohort,
        work: Path,
        *,
        way: Way,
        engine: Engine,
        seed: int,
        base: Path | None = None,
    ) -> None:
        self._cohort, self._work, self._way = cohort, work, way
        self._engine, self._seed, self._base = engine, seed, base
        self._rows = labelled_rows(cohort)
        self._prepared: dict[str, Prepared] = {}
        self._chosen = self._rows.of("tune") if way == "tune" else self._rows.of("train", "tune")
        self.targets: Floats = self._rows.targets[self._chosen]
        self.groups: npt.NDArray[np.int64] = self._rows.groups[self._chosen]
        self.folds: npt.NDArray[np.int64] = np.zeros(len(self._chosen), np.int64)
        if way == "nested":
            self.folds = grouped_folds(
                self.targets, self.groups, task=cohort.task, folds=OUTER_FOLDS, seed=seed
            )

    def __call__(self, settings: ReaderSettings) -> Answers:
        """Fit and ask.

        Raises:
            BackboneError: The network or its weights are not to be had, or do not fit.
            TrainingError: These settings do not allow training on this cohort.
            CohortError: Upsampling cannot give classes the share that is asked for.
        """
        if "fine-tune" in settings.phases:
            return self._fine_tuned(settings)
        check_installed(settings.head, fit_on=settings.fit_on)
        made = self._prepare(settings)
        if settings.fit_on == "spark":
            from overread.training.spark_rows import session_of

            with session_of(self._engine):  # one for all folds, where the engine has none
                return self._asked(made, settings)
        return self._asked(made, settings)

    def _asked(self, made: Prepared, settings: ReaderSettings) -> Answers:
        if self._way == "tune":
            return self._answers(self._fit(made, settings, self._rows.of("train"))[1])
        outputs = self.targets.shape[1]
        logits = np.full((len(self._chosen), outputs), np.nan)
        inner = np.full((int(self.folds.max()) + 1, len(self._chosen), outputs), np.nan)
        for fold in range(len(inner)):
            outside = self.folds == fold
            fitted, said = self._fit(made, settings, self._chosen[~outside])
            inner[fold, ~outside] = fitted.held_out_logits
            logits[outside] = said[outside]
        return self._answers(logits, inner)

    def _fit(
        self, made: Prepared, settings: ReaderSettings, fitted_to: npt.NDArray[np.int64]
    ) -> tuple[FittedHead, Floats]:
        """A head fitted to some rows, and what it says of all that are judged."""
        seen, copies, width = joined_features(made.features, made.copies, made.metadata)
        fitted = fit_rows(
            seen,
            made.rows,
            fitted_to,
            task=self._cohort.task,
            settings=settings,
            seed=self._seed,
            copies=copies,
            beside=width,
            engine=self._engine,
        )
        with torch.no_grad():
            said = fitted.module.eval()(torch.from_numpy(seen[self._chosen].astype(np.float32)))
        return fitted, np.asarray(said.numpy(), np.float64)

    def _fine_tuned(self, settings: ReaderSettings) -> Answers:
        if self._way == "nested":
            raise TrainingError(
                "nested cross-validation is for heads; a fine-tuning a fold and a trial would take days",
                where="tune.judge",
                todo='set reader.phases = ["head"], or judge on tune',
            )
        held_out = train_reader(
            self._cohort,
            self._work,
            settings=settings,
            engine=self._engine,
            seed=self._seed,
            base=self._base,
        ).held_out
        # A kept head scored train and tune, a fine-tuned network tune alone.
        for rows in (self._rows.of("tune"), self._rows.of("train", "tune")):
            if np.array_equal(held_out.targets, self._rows.targets[rows], equal_nan=True):
                return self._answers(held_out.logits[np.isin(rows, self._chosen)])
        raise AssertionError("expected logits of tune, or of train and tune")

    def _answers(self, logits: Floats, inner: Floats | None = None) -> Answers:
        if not np.isfinite(logits).all():
            raise TrainingError(
                "the reader gives numbers that are not finite", todo="leave these settings out of the search"
            )
        return Answers(logits, np.zeros((0, *logits.shape)) if inner is None else inner)

    def _prepare(self, settings: ReaderSettings) -> Prepared:
        key = settings.model_dump_json(exclude=_OF_HEADS | self._idle(settings))
        if key not in self._prepared:
            while len(self._prepared) >= _KEPT:
                self._prepared.pop(next(iter(self._prepared)))
            self._prepared[key] = prepare(
                self._cohort,
                self._work,
                settings=settings,
                engine=self._engine,
                seed=self._seed,
                base=self._base,
                progress=SILENT,
            )
        return self._prepared[key]

    @staticmethod
    def _idle(settings: ReaderSettings) -> set[str]:
        """Keys that make no copies of images where nothing is upsampled."""
        return set() if settings.imbalance == "upsample" else {"imbalance", "upsample_share", "augmentation"}
