"""Kept memory: fewer page faults while it lasts, nothing changed where others decide."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from overread.training.kept_memory import kept_memory

FAULTS = """
import resource
import numpy as np
from overread.training.kept_memory import kept_memory

def faults(times):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(times):
        np.ones(40 * 2**20, np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

with kept_memory() as kept:
    faults(1)
    inside = faults(8)
faults(1)
print(kept, inside, faults(8))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is glibc's")
def test_a_block_that_comes_again_costs_no_page_faults_until_the_context_ends() -> None:
    done = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True)
    kept, inside, outside = done.stdout.split()
    assert kept == "True"
    assert int(inside) < int(outside) / 10


def test_what_the_environment_says_of_malloc_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "1000000")
    with kept_memory() as kept:
        assert not kept
