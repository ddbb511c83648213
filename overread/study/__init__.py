"""The declarative run: a study file, and the steps that it is made of."""

from __future__ import annotations

from overread.study.assess import evaluate
from overread.study.build import train
from overread.study.compare import compare_runs
from overread.study.run import RunResult, run_study
from overread.study.settings import Study, StudySettings, load_study
from overread.study.templates import TEMPLATES, template

__all__ = [
    "TEMPLATES",
    "RunResult",
    "Study",
    "StudySettings",
    "compare_runs",
    "evaluate",
    "load_study",
    "run_study",
    "template",
    "train",
]
