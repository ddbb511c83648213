"""What Spark is set to: chosen by the master and the machine, so that images fit and the JVM stays small."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from overread.engine.local import usable_cores
from overread.errors import UsageError

ConfValue = str | int | float | bool

TRIES = 4
"""How often Spark tries a task: `local[N]` alone would try it once."""
PATIENCE = "spark.overread.patience"
"""How many seconds a cluster may take to give this application its first worker."""
_MIB = 2**20
_BATCH_ROWS = 64
_BATCH_BYTES = 64 * _MIB
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Machine:
    """What the driver's machine lends.

    Attributes:
        cores: That this process may use.
        memory: Bytes that it may use, containers' limits included.
    """

    cores: int
    memory: int


def this_machine() -> Machine:
    """The machine that this process runs on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):
            memory = min(memory, int(Path(limit).read_text()))
    return Machine(usable_cores(), memory)


def named_master(master: str | None, *, cores: int | None = None) -> str:
    """A master as Spark is told of it: `local` and `local[N]` with several tries a task.

    Args:
        master: As the user named it; None for this machine.
        cores: Tasks at once where the user left that to us: `local[*]` or nothing.

    Raises:
        UsageError: It is no master of Spark.

    Example:
        >>> named_master("local[2]"), named_master(None, cores=3), named_master("yarn")
        ('local[2,4]', 'local[3,4]', 'yarn')
    """
    master = master or "local[*]"
    found = re.fullmatch(r"local(?:\[(\d+|\*)(?:,(\d+))?\])?", master)
    if found is None:
        if re.fullmatch(r"spark://.+|k8s://.+|yarn|local-cluster\[.+\]", master):
            return master
        raise UsageError(
            f'expected "local[*]", "local[2]", "spark://HOST:PORT", "yarn" or "k8s://…", got {master!r}',
            where="engine.master",
        )
    at_once = found[1] or "1"
    if at_once == "*":
        at_once = str(cores or usable_cores())
    return f"local[{at_once},{found[2] or TRIES}]"


def configuration(
    master: str,
    *,
    cores: int | None = None,
    machine: Machine,
    given: Mapping[str, ConfValue] | None = None,
    defaults: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Settings for images on Spark.

    Args:
        master: As `named_master` says it.
        cores: Cores to ask of a standalone cluster, or tasks at once elsewhere; None for all.
        machine: The driver's.
        given: What the user set; stands above everything.
        defaults: What the cluster's `spark-defaults.conf` sets; stands above what is chosen here.
    """
    local = master.startswith("local[")
    chosen = {
        "spark.app.name": "overread",
        "spark.master": master,
        # The driver's page shows data to whoever asks, and one terminal needs one progress bar.
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
        # Encoded images are large: the default batch of 10,000 rows would not fit.
        "spark.sql.execution.arrow.maxRecordsPerBatch": str(_BATCH_ROWS),
        "spark.sql.execution.arrow.maxBytesPerBatch": str(_BATCH_BYTES),
        "spark.sql.files.maxPartitionBytes": str(32 * _MIB),
        "spark.sql.files.openCostInBytes": str(_MIB // 8),
        # Work happens in Python: Java's best compiler and collector would compete with it for the cores.
        "spark.driver.extraJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1",
        **{f"spark.executorEnv.{name}": "1" for name in _ONE_THREAD},
        PATIENCE: "60" if local or master.startswith("spark://") else "300",
    }
    if local:
        tasks = int(master.removeprefix("local[").partition(",")[0])
        chosen |= {
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.memory": f"{driver_memory(machine, tasks) // _MIB}m",
            "spark.sql.shuffle.partitions": str(max(4, 2 * tasks)),
        }
    else:
        chosen["spark.executor.memory"] = "1g"
        if master == "yarn" or master.startswith("k8s://"):
            at_once = int(str((given or {}).get("spark.executor.cores", 2)))
            # A container's limit counts the Python workers too: a model and a batch of images each.
            chosen |= {
                "spark.executor.cores": str(at_once),
                "spark.executor.memoryOverhead": f"{1024 * at_once}m",
            }
            if cores:
                chosen["spark.executor.instances"] = str(-(-cores // at_once))
        elif cores:
            chosen["spark.cores.max"] = str(cores)
    chosen = {name: value for name, value in chosen.items() if name not in (defaults or {})}
    return chosen | {name: as_text(value) for name, value in (given or {}).items()}


def driver_memory(machine: Machine, tasks: int) -> int:
    """Bytes for the one Java machine of local mode: little, since images do not pass through it."""
    return max(512 * _MIB, min(machine.memory // 4, (1024 + 256 * tasks) * _MIB))


def as_text(value: ConfValue) -> str:
    """A setting as Spark reads it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def is_secret(name: str) -> bool:
    """Whether a setting's value belongs on no terminal and no command line (Spark's own rule)."""
    return re.search(r"secret|password|token|access\.?key", name, re.IGNORECASE) is not None


def cluster_defaults(environment: Mapping[str, str]) -> dict[str, str]:
    """What `spark-defaults.conf` of the installed Spark says; empty where there is none."""
    home, folder = environment.get("SPARK_HOME"), environment.get("SPARK_CONF_DIR")
    file = Path(folder or f"{home or '.'}/conf") / "spark-defaults.conf"
    if not (home or folder) or not file.is_file():
        return {}
    lines = (line.strip() for line in file.read_text("utf-8", "replace").splitlines())
    pairs = (re.split(r"[\s=:]+", line, maxsplit=1) for line in lines if line and not line.startswith("#"))
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}


def in_words(chosen: Mapping[str, str], *, given: Mapping[str, ConfValue] | None = None) -> str:
    """One sentence about the settings that matter."""
    memory = chosen.get("spark.driver.memory")
    executor = chosen.get("spark.executor.memory")
    said = [
        *([f"Java up to {memory}"] if memory else []),
        *([f"executors with {executor}"] if executor else []),
        *([f"{chosen['spark.cores.max']} cores asked"] if "spark.cores.max" in chosen else []),
        f"batches up to {chosen.get('spark.sql.execution.arrow.maxRecordsPerBatch', 'any number of')} rows",
        *(
            f"{name} = {'…' if is_secret(name) else as_text(value)}"
            for name, value in sorted((given or {}).items())
        ),
    ]
    return ", ".join(said)
