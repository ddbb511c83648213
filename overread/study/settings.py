"""The study file: every key, its default, and one clear sentence where a key or value is wrong."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Sequence
from contextlib import AbstractContextManager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from overread.cohort import IngestSettings, SplitShares
from overread.cohort.settings import LeakKind, Role, SplitBy
from overread.engine import Engine, open_engine
from overread.engine.choose import ConfValue, EngineName
from overread.engine.spark.hadoop import is_uri
from overread.errors import StudyError
from overread.evaluation.asked import Asked
from overread.progress import SILENT, Progress
from overread.training.settings import ReaderSettings

_Share = Annotated[float, Field(gt=0, lt=1)]
_MASTER = re.compile(r"local(\[.+\])?|local-cluster\[.+\]|spark://.+|yarn|k8s://.+")


def _path_or_uri(said: object) -> Path | str:
    """A path of this machine, or the URI of what only Spark reaches, as it was written."""
    if isinstance(said, str) and is_uri(said):
        return said
    if isinstance(said, str | Path):
        return Path(said)
    raise PydanticCustomError("path_type", "Input is not a valid path")


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StudyTable(_Table):
    """`[study]`: what it is called and what it asks."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$", max_length=100)] = "study"
    task: Literal["auto", "binary", "multiclass", "multilabel"] = "auto"
    seed: int = Field(default=0, ge=0, lt=2**31)


class CohortTable(_Table):
    """`[cohort]`: where images and labels come from; the same keys as `overread ingest`."""

    source: Annotated[Path | str, PlainValidator(_path_or_uri)]
    layout: str = "auto"
    table: Path | None = None
    positive: str | None = None
    classes: tuple[str, ...] | None = None
    map: dict[str, str] = {}
    columns: dict[Role, str] = {}
    drop_missing: tuple[str, ...] = ()
    exclude: dict[str, tuple[str, ...]] = {}
    only: dict[str, tuple[str, ...]] = {}
    split: SplitShares = SplitShares()
    split_by: SplitBy = "patient"
    near_duplicates: bool = True
    accept_leakage: tuple[LeakKind, ...] = ()
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
    calibration: Literal["auto", "platt", "temperature", "isotonic"] = "auto"
    coverage: Literal["none"] | Annotated[float, Field(gt=0.5, lt=1)] = "none"
    sensitivities: tuple[_Share, ...] = (0.9, 0.95, 0.99)
    specificities: tuple[_Share, ...] = (0.8, 0.9, 0.95)
    prevalences: tuple[_Share, ...] = (0.01, 0.05, 0.2)
    subgroups: Literal["auto"] | tuple[str, ...] = "auto"
    learning_curve: bool = True

    @property
    def asked(self) -> Asked:
        """What `evaluate_readings` is asked beside the figures."""
        return Asked(
            sensitivities=self.sensitivities,
            specificities=self.specificities,
            prevalences=self.prevalences,
            subgroups=self.subgroups,
        )


class BundleTable(_Table):
    """`[bundle]`: what the bundle says of itself."""

    version: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$", max_length=40)] = "1"
    modality: str = ""
    urgent: tuple[str, ...] | None = None
    intended_use: str = ""
    limits: tuple[str, ...] = ()
    small: Literal["auto", "int8", "int10", "fp16", "none"] = "auto"


class EngineTable(_Table):
    """`[engine]`: where stages run."""

    engine: EngineName = "local"
    workers: int | None = Field(default=None, ge=1, le=1024)
    master: str | None = None
    spark: dict[str, ConfValue] = {}

    @model_validator(mode="after")
    def _of_spark(self) -> EngineTable:
        if self.master is not None and not _MASTER.fullmatch(self.master):
            known = "local[*], local[2], spark://HOST:PORT, yarn or k8s://HOST:PORT"
            raise ValueError(f"master: expected {known}, got {self.master!r}")
        # Spark itself would pass such a setting over without a word.
        strange = [name for name in self.spark if not name.startswith("spark.")]
        if strange:
            raise ValueError(f"spark: a setting of Spark begins with 'spark.', got {strange[0]!r}")
        return self

    def opened(self, *, progress: Progress = SILENT) -> AbstractContextManager[Engine]:
        """The engine that is asked for; what it starts ends with the context."""
        if self.engine == "local":  # what is said of Spark waits for the day that it is wanted
            return open_engine(workers=self.workers)
        return open_engine(
            "spark", workers=self.workers, master=self.master, conf=self.spark, progress=progress
        )


class TrackingTable(_Table):
    """`[tracking]`: where runs are written down, for `overread runs` and MLflow."""

    uri: str = "none"
    experiment: Annotated[str, Field(min_length=1)] = "overread"

    @model_validator(mode="after")
    def _place(self) -> TrackingTable:
        # MLflow takes any other word for a folder, and makes it.
        if self.uri not in ("none", "sqlite", "databricks") and ":" not in self.uri:
            raise ValueError(
                f'uri: expected "none", "sqlite" or an address such as https://…, got {self.uri!r}'
            )
        return self


class Between(_Table):
    """A range of numbers that a search may draw from."""

    low: float
    high: float
    log: bool = False
    whole: bool = False


class TuneTable(_Table):
    """`[tune]`: what `overread tune` may change, and how it judges."""

    trials: int = Field(default=30, ge=1, le=10_000)
    judge: Literal["tune", "nested"] = "tune"
    metric: Literal["roc_auc", "average_precision", "log_loss"] = "roc_auc"
    space: dict[str, Between | tuple[str | int | float | bool, ...]] = {}


class StudySettings(_Table):
    """A whole study file."""

    study: StudyTable = StudyTable()
    cohort: CohortTable
    reader: ReaderSettings = ReaderSettings()
    evaluation: EvaluationTable = EvaluationTable()
    bundle: BundleTable = BundleTable()
    engine: EngineTable = EngineTable()
    tracking: TrackingTable = TrackingTable()
    tune: TuneTable = TuneTable()


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
    def source(self) -> Path | str:
        """`cohort.source` with its path made whole; a URI is whole."""
        said = self.settings.cohort.source
        return said if isinstance(said, str) else self.path(said)

    @property
    def weights(self) -> str:
        """`reader.weights` with its path made whole."""
        said = self.settings.reader.weights
        if said in ("imagenet", "none"):
            return said
        prefix = "local-dir:" if said.startswith("local-dir:") else ""
        return prefix + str(self.path(Path(said.removeprefix(prefix))))

    @property
    def weights_file(self) -> Path | None:
        """The file of the backbone's weights, where the study names one."""
        if self.weights in ("imagenet", "none"):
            return None
        if self.weights.startswith("local-dir:"):
            return Path(self.weights.removeprefix("local-dir:")) / "model.safetensors"
        return Path(self.weights)

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
    errors = sorted(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
    said, path = errors[0], _path(errors[0]["loc"])
    if said["type"] == "extra_forbidden" or said["loc"][-1:] == ("[key]",):
        near = _nearest(path)
        return StudyError(
            f"'{'.'.join(path)}' is no key", where=where, todo=f"did you mean '{near}'?" if near else None
        )
    if said["type"] == "missing":
        *table, key = path
        todo = f"add {key} = … to [{'.'.join(table)}]" if table else f"add a table [{key}]"
        return StudyError(f"'{'.'.join(path)}' is missing", where=where, todo=todo)
    if said["type"] in {"model_type", "model_attributes_type"}:
        return StudyError(
            f"'{'.'.join(path)}': expected a table, got {said['input']!r}",
            where=where,
            todo=f"write [{'.'.join(path)}] and its keys below",
        )
    # A key that takes several kinds of value has one error for each of them.
    wanted = [
        "Input should be a path"
        if one["type"] == "path_type"
        # Behind a comma stands why the value could not be taken; but choices are told in full.
        else (one["msg"] if one["type"] in {"literal_error", "value_error"} else one["msg"].split(", ")[0])
        for one in errors
        if _path(one["loc"]) == path
    ]
    expected = " or ".join(text.removeprefix("Input should be ") for text in wanted)
    if not all(text.startswith("Input should be ") for text in wanted):
        expected = wanted[0].removeprefix("Value error, ")
        # The check of a whole table names its key itself.
        key, _, rest = expected.partition(": ")
        if key in _keys_of(path):
            return StudyError(f"'{'.'.join([*path, key])}': {rest}", where=where)
        return StudyError(f"'{'.'.join(path)}': {expected[:1].lower()}{expected[1:]}", where=where)
    shown = said["input"]
    return StudyError(f"'{'.'.join(path)}': expected {expected}, got {shown!r}", where=where)


def _path(loc: tuple[int | str, ...]) -> list[str]:
    """The keys of an error's place, without what pydantic adds behind them for the kinds of a value."""
    path: list[str] = []
    for part in loc:
        if path and not _keys_of(path):
            break
        path.append(str(part))
    return path


def _nearest(path: list[str]) -> str:
    """The known key that an unknown one is most like: of its own table, or of the same name in another."""
    *table, last = path
    tables = [[], *([name] for name in StudySettings.model_fields), ["reader", "fine_tune"]]
    twin = next((one for one in tables if last in _keys_of(one)), None)
    own = difflib.get_close_matches(last, _keys_of(table), n=1, cutoff=0.6 if twin else 0.0)
    if not own and twin is not None:
        return ".".join([*twin, last])
    return ".".join([*table, *own]) if own else ""


def _keys_of(path: list[str]) -> list[str]:
    """The keys that a table of the study may have."""
    model: Any = StudySettings
    for name in path:
        field = getattr(model, "model_fields", {}).get(name)
        model = field.annotation if field else None
    if path == ["cohort", "columns"]:
        return list(get_args(Role))
    return list(getattr(model, "model_fields", {}))
