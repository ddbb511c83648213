"""How processes share the tests out: file by file, but what starts the same costly thing stays together."""

from __future__ import annotations

from xdist.scheduler import LoadFileScheduling

_TOGETHER = (
    # One Java machine warms up, and one cluster starts.
    ("tests/spark/", "tests/test_benchmarks_spark.py"),
    # One study is run by the command line.
    ("tests/cli/test_commands.py", "tests/cli/test_mistakes.py", "tests/cli/test_runs.py"),
)


class FilesTogether(LoadFileScheduling):
    """What stays together is named by the first of its files."""

    def _split_scope(self, nodeid: str) -> str:
        for files in _TOGETHER:
            if nodeid.startswith(files):
                return files[0]
        return str(super()._split_scope(nodeid))
