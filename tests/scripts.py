"""Scripts outside the package, as modules: benchmarks, web/build.py."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest


@contextmanager
def loaded_script(path: Path) -> Iterator[ModuleType]:
    """The script as a module that finds its neighbours, as it does when it is run."""
    spec = importlib.util.spec_from_file_location(f"{path.parent.name}_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, spec.name, module)
        patch.syspath_prepend(str(path.parent))
        spec.loader.exec_module(module)
        yield module
