"""web/build.py, which lies outside the package, as a module."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

WEB = Path(__file__).parents[2] / "web"


@pytest.fixture(scope="session")
def builder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("web_build", WEB / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def node(builder: ModuleType) -> Path:
    """Node, with the packages that package-lock.json names."""
    try:
        found: Path = builder.find_node()
    except builder.BuildError as error:
        pytest.skip(str(error))
    if not builder.has_packages():
        pytest.skip("the web packages are not installed: make web")
    return found
