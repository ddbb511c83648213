"""The documentation says what the code does: keys, defaults, options, columns, reasons, links."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import click
import numpy as np
import pytest
import typer
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

import overread
from overread import errors
from overread.bundle import Calibration, Manifest, OperatingPoint, PredictSummary, Provenance, Verification
from overread.bundle.manifest import ConformalRule, MetadataField, SmallNetwork
from overread.bundle.predict_stage import READING_SCHEMA
from overread.cli.app import app
from overread.cohort.card import Augmented, CohortCard
from overread.cohort.columns import USUAL_NAMES
from overread.cohort.schema import COPY_FIELDS, IMAGE_SCHEMA, REJECT_SCHEMA
from overread.evaluation import Evaluation, Figure, HistoryRow, clinical, evaluate_readings, results
from overread.evaluation.comparison import Comparison
from overread.imaging import Preprocess
from overread.imaging.quality import QualityLimits
from overread.study import RunResult, StudySettings
from overread.study.demo import DemoResult
from overread.study.record import TrainingRecord
from tests.evaluation.made import make_manifest, make_tables

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))


def _page(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


def _sections(text: str, *, level: int = 2) -> dict[str, str]:
    """Heading → what stands below it, up to the next heading of the level."""
    parts = re.split(rf"^{'#' * level} (.+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def _first_cells(text: str) -> set[str]:
    """What stands between backticks in the first column of the tables."""
    rows = re.findall(r"^\|(.+?)(?<!\\)\|", text, flags=re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


# Study file


def _tables(model: type[BaseModel], path: str = "") -> dict[str, type[BaseModel]]:
    """Every table of a study: dotted name → model."""
    found = {path: model} if path else {}
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel) and name != "split":
            found |= _tables(inner, f"{path}.{name}" if path else name)
    return found


def _toml(value: Any) -> str:
    """A default as it would stand in the file; "–" for what is not set."""
    if value is None or value is PydanticUndefined:
        return "–"
    if isinstance(value, BaseModel):
        value = value.model_dump(exclude_none=True)
    if isinstance(value, dict):
        inner = ", ".join(f"{name} = {_toml(one)}" for name, one in value.items())
        return f"`{{ {inner} }}`".replace("`{ ", "{ ").replace(" }`", " }") if value else "{}"
    return json.dumps(list(value) if isinstance(value, tuple) else value)


def test_every_key_of_a_study_is_documented_with_its_default() -> None:
    sections = _sections(_page("reference/study.md"))
    tables = _tables(StudySettings)
    assert set(sections) == {f"[{name}]" for name in tables}
    for name, model in tables.items():
        rows = re.findall(r"^\| `(\w+)` \| (.+?) \|", sections[f"[{name}]"], flags=re.MULTILINE)
        documented = {key: default.strip("`") for key, default in rows}
        expected = {
            key: _toml(field.get_default(call_default_factory=True))
            for key, field in model.model_fields.items()
            if f"{name}.{key}" not in tables or key == "operating_point"
        }
        assert documented == expected, f"[{name}]"


def test_every_role_of_a_column_is_documented() -> None:
    assert set(USUAL_NAMES) <= _first_cells(_page("how-to/labels-in-a-table.md"))


# Command line


def _commands(command: click.Command, path: str = "overread") -> dict[str, click.Command]:
    if isinstance(command, click.Group) or hasattr(command, "commands"):
        return {
            name: one
            for child, inner in command.commands.items()  # type: ignore[attr-defined]
            for name, one in _commands(inner, f"{path} {child}").items()
        }
    return {path: command}


def _long_options(command: click.Command) -> set[str]:
    spelt = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
    return {name for name in spelt if name.startswith("--")} - {"--help"}


CLI = typer.main.get_command(app)
COMMANDS = _commands(CLI)


def test_every_command_is_documented_and_no_other() -> None:
    assert set(_sections(_page("reference/command-line.md"))) == set(COMMANDS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_option_is_documented_and_no_other(name: str) -> None:
    section = _sections(_page("reference/command-line.md"))[name]
    assert set(re.findall(r"`(--[\w-]+)`", section)) == _long_options(COMMANDS[name])


def test_the_options_of_all_commands_are_documented() -> None:
    head = _page("reference/command-line.md").split("\n## ")[0]
    assert _long_options(CLI) - {"--install-completion", "--show-completion"} <= _first_cells(head)


@pytest.mark.parametrize(
    ("command", "keys"),
    [
        ("overread run", {field.name for field in dataclasses.fields(RunResult)}),
        ("overread predict", {field.name for field in dataclasses.fields(PredictSummary)}),
        ("overread bundle verify", {field.name for field in dataclasses.fields(Verification)}),
        ("overread compare", {"page", *Comparison.model_fields}),
        ("overread runs", {"source", "by", "runs", "different"}),
        ("overread tensorboard", {"url", "events"}),
        (
            "overread demo",
            {field.name for made in (RunResult, DemoResult) for field in dataclasses.fields(made)} - {"run"},
        ),
    ],
)
def test_every_key_of_json_is_documented(command: str, keys: set[str]) -> None:
    section = _sections(_page("reference/command-line.md"))[command]
    assert keys <= _first_cells(section)


# Formats


def test_every_column_and_key_of_a_cohort_is_documented() -> None:
    sections = _sections(_page("reference/cohort.md"))
    assert _first_cells(sections["Columns of images"]) == set(IMAGE_SCHEMA.names)
    assert _first_cells(sections["Columns of rejects"]) == set(REJECT_SCHEMA.names)
    assert _first_cells(sections["Columns of an augmented cohort"].split("`transform` names")[0]) == {
        field.name for field in COPY_FIELDS
    }
    assert _first_cells(sections["cohort.json"].split("\n### ")[0]) == set(CohortCard.model_fields)
    parts = _sections(sections["cohort.json"], level=3)
    assert _first_cells(parts["augmented"]) == set(Augmented.model_fields)


def test_every_key_of_a_bundle_is_documented() -> None:
    page = _page("reference/bundle.md")
    section = _sections(page)["bundle.json"]
    parts = _sections(section, level=3)
    assert _first_cells(section.split("\n### ")[0]) == {*Manifest.model_fields, "seal"}
    assert _first_cells(parts["preprocess"]) == set(Preprocess.model_fields)
    assert _first_cells(parts["operating points"]) == set(OperatingPoint.model_fields)
    assert _first_cells(parts["provenance"]) == set(Provenance.model_fields)
    assert _first_cells(parts["metadata"]) == set(MetadataField.model_fields)
    assert _first_cells(parts["quality"]) == set(QualityLimits.model_fields)
    assert _first_cells(parts["small"]) == set(SmallNetwork.model_fields)
    assert _first_cells(_sections(page)["training.json"]) == set(TrainingRecord.model_fields)
    assert all(f"`{name}`" in section for name in Calibration.model_fields)
    assert all(f"`{name}`" in section for name in ConformalRule.model_fields)


def test_every_key_of_an_evaluation_is_documented() -> None:
    page = _page("reference/evaluation.md")
    headings = {
        "evaluation.json": Evaluation, "Figure": Figure,
        "Counts": results.Counts, "Cohort": results.CohortFlow,
        "Finding": results.Finding, "Triage": results.Triage, "Confusion": results.Confusion,
        "Clinical": clinical.Clinical, "Sweep": clinical.Sweep, "Fixed": clinical.FixedPoint,
        "Predictive": clinical.PredictiveValue, "Net benefit": clinical.NetBenefit,
        "Curves": results.Curves, "Subgroup table": clinical.SubgroupTable,
        "Subgroup row": clinical.SubgroupRow, "Calibration": clinical.CalibrationResult,
        "Abstention": clinical.Abstention, "Learning": clinical.LearningPoint, "History": HistoryRow,
    }  # fmt: skip
    parts = re.split(r"^##+ (.+)$", page, flags=re.MULTILINE)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert set(sections) == {*headings, "Names of figures"}
    for heading, model in headings.items():
        assert _first_cells(sections[heading]) == set(model.model_fields), heading
    for curve in (field.annotation for field in results.Curves.model_fields.values()):
        assert all(f"`{name}`" in sections["Curves"] for name in curve.model_fields)


def test_every_figure_of_an_evaluation_is_named() -> None:
    named = _first_cells(_page("reference/evaluation.md").split("## Names of figures")[1])
    named |= {name.replace("_present", "_absent") for name in named}
    for task, classes in (("binary", ("a",)), ("multilabel", ("a", "b")), ("multiclass", ("a", "b", "c"))):
        manifest = make_manifest(task, classes, urgent=classes[:1])
        labels = np.eye(len(classes))[np.arange(12) % len(classes)]
        labels[-3:] = labels[-3:] if task == "multiclass" else 0
        tables = make_tables(labels, np.full(labels.shape, 0.3), manifest=manifest)
        found = evaluate_readings(*tables, manifest=manifest, resamples=5)
        assert found.triage is not None
        names = {*found.overall, *found.triage.figures, *(n for one in found.findings for n in one.figures)}
        assert names <= named, names - named


def test_every_column_of_readings_is_documented() -> None:
    table = _page("reference/readings.md").split("\n## ")[0]
    assert _first_cells(table) == {n for n in READING_SCHEMA.names if not n.startswith("reject_")}


def test_every_reason_of_a_reject_is_documented() -> None:
    assert _first_cells(_page("reference/rejects.md")) == set(get_args(errors.RejectReason))


def test_every_error_is_documented_with_its_exit_code() -> None:
    rows = dict(re.findall(r"^\| `(\w+Error)` \| (\d) \|", _page("reference/errors.md"), flags=re.MULTILINE))
    kinds = {
        name: one for name, one in vars(errors).items() if inspect.isclass(one) and name.endswith("Error")
    }
    kinds.pop("OverreadError")
    assert rows == {name: str(one.exit_code) for name, one in kinds.items()}


# README, examples, links


def _blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)


def test_the_commands_of_the_documentation_exist() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for path in (ROOT / "README.md", *PAGES):
        for line in "\n".join(_blocks(path, "sh")).replace("\\\n", " ").splitlines():
            words = line.split("#")[0].split()
            if words[:1] == ["make"]:
                assert re.search(rf"^{words[1]}:", makefile, flags=re.MULTILINE), line
            if words and words[0].endswith("overread"):
                name = " ".join(["overread", *words[1 : 3 if words[1] == "bundle" else 2]])
                assert name in COMMANDS, line
                given = {word for word in words if word.startswith("--")}
                assert given <= _long_options(COMMANDS[name]), line


def test_the_readme_lists_every_command() -> None:
    rows = _first_cells(_sections((ROOT / "README.md").read_text("utf-8"))["Commands"])
    assert {" ".join(name.split()[:2]) for name in COMMANDS} == rows


def test_python_examples_use_names_and_keywords_that_exist() -> None:
    for path in (ROOT / "README.md", *PAGES):
        for block in _blocks(path, "python"):
            tree = ast.parse(block)
            known: dict[str, Any] = {"overread": overread}
            for node in ast.walk(tree):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("overread"):
                    home = importlib.import_module(node.module or "")
                    known |= {one.name: getattr(home, one.name) for one in node.names}
            for node in ast.walk(tree):
                if isinstance(node, ast.Call):
                    _check_keywords(node, known, path)


def _check_keywords(call: ast.Call, known: dict[str, Any], path: Path) -> None:
    names = ast.unparse(call.func).split(".")
    if names[0] not in known or any(not name.isidentifier() for name in names):
        return
    target = known[names[0]]
    for name in names[1:]:
        target = getattr(target, name)
    said = {one.arg for one in call.keywords}
    assert said <= set(inspect.signature(target).parameters), f"{path}: {ast.unparse(call.func)}"


def test_links_of_readme_and_changelog_lead_somewhere() -> None:
    for name in ("README.md", "CHANGELOG.md"):
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", (ROOT / name).read_text("utf-8")):
            assert target.startswith("http") or (ROOT / target).exists(), f"{name}: {target}"


def test_the_site_builds_without_a_warning_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    loads = re.compile(r"<(?:script|img|iframe|source)[^>]*\ssrc=\"?https?:|<link[^>]*href=\"?https?:[^>]*>")
    for page in sorted((tmp_path / "site").rglob("*.html")):
        found = [one for one in loads.findall(page.read_text("utf-8")) if "canonical" not in one]
        assert found == [], page
