"""The study file: every key, its default, and one clear sentence where a key or value is wrong."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from overread.cohort import IngestSettings, SplitShares
from overread.errors import StudyError
from overread.training.settings import ReaderSettings


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StudyTable(_Table):
    """`[study]`: what it is called and what it asks."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$", max_length=100)] = "study"
    task: Literal["auto", "binary", "multiclass", "multilabel"] = "auto"
    seed: int = Field(default=0, ge=0, lt=2**31)


class CohortTable(_Table):
    """`[cohort]`: where images and labels come from; the same keys as `overread ingest`."""

    source: Path
    layout: Literal["auto", "folder", "table"] = "auto"
    table: Path | None = None
    positive: str | None = None
    classes: tuple[str, ...] | None = None
    columns: dict[str, str] = {}
    drop_missing: tuple[str, ...] = ()
    split: SplitShares = SplitShares()
    licence: str = ""
    embed: bool = True


class OperatingPointTable(_Table):
    """`[evaluation.operating_point]`: exactly one rule, applied to images that did not train the reader."""

    sensitivity: float | None = Field(default=None, gt=0, le=1)
    specificity: float | None = Field(default=None, gt=0, le=1)
    youden: Literal[True] | None = None

    @model_validator(mode="after")
    def _one(self) -> OperatingPointTable:
        if len(self.rule) != 1:
            raise ValueError(
                f"expected one of sensitivity, specificity and youden, got {sorted(self.rule) or 'none'}"
            )
        return self

    @property
    def rule(self) -> dict[str, float | bool]:
        """What `choose_operating_points` takes."""
        return self.model_dump(exclude_none=True)


class EvaluationTable(_Table):
    """`[evaluation]`: how sure the figures are, and where the reader calls a physician."""

    resamples: int = Field(default=2000, ge=100, le=100_000)
    operating_point: OperatingPointTable = OperatingPointTable(sensitivity=0.95)


class BundleTable(_Table):
    """`[bundle]`: what the bundle says of itself."""

    version: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$", max_length=40)] = "1"
    modality: str = ""
    urgent: tuple[str, ...] | None = None
    intended_use: str = ""
    limits: tuple[str, ...] = ()


class EngineTable(_Table):
    """`[engine]`: where stages run."""

    kind: Literal["local"] = "local"
    workers: int | None = Field(default=None, ge=1, le=1024)


class StudySettings(_Table):
    """A whole study file."""

    study: StudyTable = StudyTable()
    cohort: CohortTable
    reader: ReaderSettings = ReaderSettings()
    evaluation: EvaluationTable = EvaluationTable()
    bundle: BundleTable = BundleTable()
    engine: EngineTable = EngineTable()


@dataclass(frozen=True)
class Study:
    """A study file that was read, with the folder to which its paths refer.

    Attributes:
        settings: All keys.
        base: The folder of the file.
    """

    settings: StudySettings
    base: Path

    def path(self, path: Path) -> Path:
        """A path of the study: beside its file, or where nothing is there, in the working folder."""
        beside = self.base / path
        return path if not beside.exists() and path.exists() else beside

    @property
    def weights(self) -> str:
        """`reader.weights` with its path made whole."""
        said = self.settings.reader.weights
        if said in ("imagenet", "none"):
            return said
        prefix = "local-dir:" if said.startswith("local-dir:") else ""
        return prefix + str(self.path(Path(said.removeprefix(prefix))))

    def ingest_settings(self) -> IngestSettings:
        """What `overread.cohort.ingest` takes."""
        said, study = self.settings.cohort, self.settings.study
        fields = said.model_dump(exclude={"source", "table"})
        table = None if said.table is None else self.path(said.table)
        return IngestSettings(name=study.name, task=study.task, seed=study.seed, table=table, **fields)


def load_study(path: Path, *, overrule: Sequence[str] = ()) -> Study:
    """Read a study file.

    Args:
        path: The file.
        overrule: "KEY=VALUE" for keys that are not to be as the file says; see `overruled`.

    Raises:
        StudyError: It is missing, is no TOML, has an unknown key (the nearest known one is named), or a
            value that cannot be.
    """
    where = f"study '{path}'"
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError as error:
        raise StudyError(
            "there is no such file", where=where, todo="write one with 'overread init skin'"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError("cannot be read as text", where=where, todo="bring a TOML file") from error
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise StudyError(f"is no TOML ({error})", where=where) from error
    return Study(check_study(overruled(said, overrule), where=where), path.parent)


def overruled(said: dict[str, Any], overrule: Sequence[str]) -> dict[str, Any]:
    """A study's tables with some keys changed.

    Args:
        said: The tables.
        overrule: "KEY=VALUE", the key with dots, the value as in TOML; what is no TOML is taken as text.

    Raises:
        StudyError: There is no "=".

    Example:
        >>> overruled({"study": {"seed": 1}}, ["study.seed=2", "reader.head=mlp"])
        {'study': {'seed': 2}, 'reader': {'head': 'mlp'}}
    """
    changed = deepcopy(said)
    for one in overrule:
        key, equals, text = one.partition("=")
        if not equals:
            raise StudyError(f"expected KEY=VALUE, got '{one}'", where="--set", todo="write reader.head=mlp")
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            value = text
        *parents, last = key.strip().split(".")
        table = changed
        for name in parents:
            if not isinstance(table.setdefault(name, {}), dict):
                raise StudyError(f"'{name}' is no table", where=f"--set {one}")
            table = table[name]
        table[last] = value
    return changed


def check_study(said: dict[str, Any], *, where: str) -> StudySettings:
    """Check the keys and values of a study.

    Raises:
        StudyError: With the first thing that is wrong.
    """
    try:
        settings = StudySettings.model_validate(said)
        Study(settings, Path()).ingest_settings()
    except ValidationError as error:
        raise _in_one_sentence(error, where=where) from error
    return settings


def _in_one_sentence(error: ValidationError, *, where: str) -> StudyError:
    # An unknown key first: it is the likeliest cause of whatever else is wrong.
    said = sorted(error.errors(), key=lambda one: one["type"] != "extra_forbidden")[0]
    *parents, last = (str(part) for part in said["loc"]) if said["loc"] else ("the file",)
    key = ".".join([*parents, last])
    if said["type"] == "extra_forbidden":
        near = difflib.get_close_matches(last, _keys_of(parents), n=1, cutoff=0.0)
        name = ".".join([*parents, near[0]]) if near else ""
        return StudyError(f"'{key}' is no key", where=where, todo=f"did you mean '{name}'?" if name else None)
    if said["type"] == "missing":
        return StudyError(f"'{key}' is missing", where=where, todo=f"add {last} = … to [{'.'.join(parents)}]")
    message = said["msg"].removeprefix("Value error, ")
    value = said.get("input")
    shown = "" if isinstance(value, dict | list | tuple | BaseModel) else f", got {value!r}"
    return StudyError(f"'{key}': {message[0].lower()}{message[1:]}{shown}", where=where)


def _keys_of(parents: list[str]) -> list[str]:
    """The keys that a table of the study may have."""
    model: Any = StudySettings
    for name in parents:
        field = getattr(model, "model_fields", {}).get(name)
        model = field.annotation if field else None
    return list(getattr(model, "model_fields", {}))
