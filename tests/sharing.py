"""How processes share the tests out: file by file, but all that needs Spark goes to one of them."""

from __future__ import annotations

from xdist.scheduler import LoadFileScheduling

_NEED_SPARK = ("tests/spark/", "tests/test_benchmarks_spark.py")


class FilesAndSpark(LoadFileScheduling):
    """One Java machine warms up and one cluster starts, beside a process that does something else."""

    def _split_scope(self, nodeid: str) -> str:
        return "spark" if nodeid.startswith(_NEED_SPARK) else str(super()._split_scope(nodeid))
