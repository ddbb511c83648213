"""Each process of these tests computes with one thread.

There are as many processes as cores: more threads than that wait for each other, a third of all time.
A package is imported before its conftest, so that this stands before numpy and torch ask; what tests start
inherits it. Python looks for garbage as rarely as the command does (`overread.cli.app`).
"""

import gc
import os

gc.set_threshold(10_000, 20, 50)
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
