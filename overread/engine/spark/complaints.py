"""What went wrong with Spark, in one sentence instead of a Java stack trace."""

from __future__ import annotations

import re

from overread.errors import EngineError

_AGAIN = "run the same command again, finished parts are kept"
# The first pattern found says it; what follows is the sentence's what and todo.
_KNOWN: tuple[tuple[str, str, str], ...] = (
    (
        r"PYTHON_VERSION_MISMATCH|[Pp]ython in worker has different version:? ?\(?([\d., ]+)",
        "the workers' Python is another than the driver's",
        "let PYSPARK_PYTHON name the same Python version on every machine",
    ),
    (
        r"No module named '?(pyspark|overread|[\w.]+)'?",
        "the workers' Python lacks the package {0}",
        "install the same packages on every machine; PYSPARK_PYTHON names the Python that has them",
    ),
    (
        r'Cannot run program "([^"]+)"',
        "a worker has no program {0}",
        "let PYSPARK_PYTHON name a Python that every machine has",
    ),
    (r"No space left on device", "a disk of the cluster is full", "free space; " + _AGAIN),
    (
        r"OutOfMemoryError",
        "a Java machine ran out of memory",
        'set "spark.driver.memory" or "spark.executor.memory" higher in [engine] spark; ' + _AGAIN,
    ),
    (
        r"Python worker (?:exited unexpectedly|failed to connect|process (?:crashed|terminated))",
        "a worker process ended again and again in the same task",
        "if memory ran out, let fewer tasks run at once; " + _AGAIN,
    ),
    (
        r"ExecutorLostFailure|Executor heartbeat timed out",
        "the cluster lost the machines of a task again and again",
        "see the cluster's own log; " + _AGAIN,
    ),
    (
        r"Master removed our application|All masters are unresponsive|cannot be started|"
        r"SparkContext (?:was|has been) (?:shut down|stopped)|stopped SparkContext|"
        r"cancelled because SparkContext was shut down",
        "the cluster ended the application",
        "see the cluster's own log; " + _AGAIN,
    ),
    (
        r"Py4JNetworkError|Answer from Java side is empty|Error while sending or receiving|"
        r"ConnectionRefusedError",
        "the Java machine of Spark ended",
        'if memory ran out, set "spark.driver.memory" in [engine] spark; ' + _AGAIN,
    ),
)


def complaint(error: BaseException, *, master: str, more: str = "", starting: bool = False) -> EngineError:
    """One sentence about a failure of Spark.

    Args:
        error: What pyspark or py4j raised.
        master: Of the session.
        more: What else Spark said: the end of its log.
        starting: Whether the session was only about to start.
    """
    more = "\n".join([more, *getattr(error, "__notes__", [])]).strip()
    text = f"{type(error).__name__}: {error}\n{more}"
    for pattern, what, todo in _KNOWN:
        found = re.search(pattern, text)
        if found:
            named = what.replace("{0}", (found[1] if found.re.groups else "") or "pyspark")
            return EngineError(named, where=f"master {master}", todo=todo)
    # A Java machine that never came up has said why on its own output only.
    said = more if "JAVA_GATEWAY_EXITED" in text and more else str(error)
    todo = "check the settings of [engine] spark" if starting else _AGAIN
    return EngineError(
        f"Spark {'did not start' if starting else 'gave up'} ({_first_line(said) or type(error).__name__})",
        where=f"master {master}",
        todo=f"{todo}; --debug shows what Spark says",
    )


def _first_line(text: str) -> str:
    """The line that says most: the last error of Python, else the last cause of Java, else the first."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    python = [line for line in lines if re.match(r"[\w.]*(Error|Exception): .", line)]
    causes = [line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: ")]
    named = [line.removeprefix(": ") for line in lines if line.startswith(": ")]
    python = [line for line in python if not line.startswith(("org.", "java.", "scala."))]
    return next(iter([*python[-1:], *causes[-1:], *named, *lines]), "")[:200]
