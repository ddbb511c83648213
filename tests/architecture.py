"""What the architecture tests look for: pure functions from a package's folder to sentences of what is wrong.

Type-only imports (under `if TYPE_CHECKING:`) are dependencies of the design: they follow the arrows. They do
not run: they make no cycle and load nothing. An import inside a function counts like one at the top.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LEVELS: tuple[tuple[str, ...], ...] = (
    ("errors", "json_text", "progress"),
    ("imaging",),
    ("engine",),
    ("cohort",),
    ("bundle",),
    ("training", "nodules", "evaluation", "labels", "deidentify", "monitoring"),
    ("exploration",),
    ("study",),
    ("serving", "edge"),
    ("cli",),
)
"""DESIGN.md §1 from right to left: a package imports from the rows above its own only."""

HEAVY_HOMES = frozenset({"training", "nodules"})
HEAVY_FRAMEWORKS = frozenset({"torch", "torchvision", "timm", "lightning", "pytorch_lightning", "monai"})
LAZY_LIBRARIES = HEAVY_FRAMEWORKS | {
    "sklearn",
    "scipy",
    "matplotlib",
    "jinja2",
    "onnx",
    "pandas",
    "mlflow",
    "optuna",
    "tensorboard",
}
"""What may not be loaded by importing the light packages."""

LONGEST_FILE = 400
NO_NAMES = frozenset({"utils", "util", "common", "helpers", "helper", "manager", "managers", "misc"})

_CODE_LOADERS = frozenset({"marshal", "shelve", "dill", "cloudpickle", "joblib"})
_PICKLE_READERS = frozenset({"load", "loads", "Unpickler"})
_YAML_READERS = frozenset({"load", "load_all", "full_load", "unsafe_load"})
_ADDRESS = re.compile(r"https?://[^\s\"']+")


@dataclass(frozen=True)
class Import:
    """One module that another imports.

    Attributes:
        target: Absolute dotted name, of a module or of a name in it.
        line: Where.
        typing: Only under `if TYPE_CHECKING:`.
        crossing: A relative import that leaves its package's top folder (`from ..cohort import x`).
    """

    target: str
    line: int
    typing: bool = False
    crossing: bool = False


@dataclass(frozen=True)
class Module:
    """One parsed file.

    Attributes:
        name: Dotted.
        path: Below the folder that holds the package.
        tree: Its syntax.
        imports: All of them, also those inside functions.
    """

    name: str
    path: Path
    tree: ast.Module
    imports: tuple[Import, ...]


def read_modules(package: Path) -> dict[str, Module]:
    """Parse every module below a package's folder."""
    modules = {}
    for path in sorted(package.rglob("*.py")):
        below = path.relative_to(package.parent)
        parts = below.with_suffix("").parts
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        tree = ast.parse(path.read_text("utf-8"), str(path))
        found = tuple(_imports(tree, name, is_package=is_package))
        modules[name] = Module(name, below, tree, found)
    return modules


def wrong_arrows(modules: Mapping[str, Module], *, root: str) -> list[str]:
    """Imports against the levels, between packages of one level, unknown packages, relative crossings."""
    level = {name: index for index, names in enumerate(LEVELS) for name in names}
    wrong = []
    for module in modules.values():
        own = _top(module.name)
        if own and own not in level:
            wrong.append(f"{module.path}: '{own}' has no place in LEVELS; give it one as in DESIGN.md §1")
            continue
        for one in module.imports:
            where = f"{module.path}:{one.line}"
            if one.crossing:
                wrong.append(f"{where}: relative import of {one.target}; write it absolute")
            if one.target.split(".")[0] != root:
                continue
            target = _resolve(one.target, modules)
            other = _top(target)
            if not own:  # the package's face hands names on; that it stays light is tested by importing it
                continue
            if not other:
                if one.target not in (root, f"{root}.__version__"):
                    wrong.append(f"{where}: {one.target} comes from the package's face; name its home")
            elif own != other and level.get(other, len(LEVELS)) >= level[own]:
                wrong.append(f"{where}: {own} imports {target}, but may import from below itself only")
    return wrong


def module_cycles(modules: Mapping[str, Module]) -> list[list[str]]:
    """Modules that import each other in a ring, also where an import hides in a function."""
    edges = {
        name: {_resolve(one.target, modules) for one in module.imports if not one.typing}
        & set(modules) - {name}
        for name, module in modules.items()
    }
    return _rings(edges)


def package_cycles(modules: Mapping[str, Module]) -> list[list[str]]:
    """Packages that import each other in a ring; the face, which only hands names on, is left out."""
    edges: dict[str, set[str]] = {}
    for module in modules.values():
        own = _top(module.name)
        targets = {_top(_resolve(one.target, modules)) for one in module.imports if not one.typing}
        if own:
            edges.setdefault(own, set()).update(targets - {own, ""})
    return _rings({name: targets & set(edges) for name, targets in edges.items()})


def heavy_imports(modules: Mapping[str, Module]) -> list[str]:
    """Imports of torch and its kin outside their homes, also inside functions."""
    return [
        f"{module.path}:{one.line}: {one.target} belongs in {' and '.join(sorted(HEAVY_HOMES))}"
        for module in modules.values()
        for one in module.imports
        if not one.typing
        and one.target.split(".")[0] in HEAVY_FRAMEWORKS
        and _top(module.name) not in HEAVY_HOMES
    ]


def long_files(folders: Iterable[Path], *, most: int = LONGEST_FILE) -> list[str]:
    """Python files with more lines than a file that is one idea has."""
    counts = {
        path: len(path.read_text("utf-8").splitlines())
        for folder in folders
        for path in sorted(folder.rglob("*.py"))
    }
    return [f"{path}: {count} lines, at most {most}" for path, count in counts.items() if count > most]


def shapeless_names(modules: Iterable[str]) -> list[str]:
    """Modules whose name says nothing of what is in them."""
    return [name for name in modules if NO_NAMES & set(re.split(r"[._]", name))]


def untested_packages(package: Path, tests: Path) -> list[str]:
    """Sub-packages without a folder of the same name in the tests that holds a test."""
    return [
        f"{folder.name}: expected tests in {tests / folder.name}"
        for folder in sorted(package.iterdir())
        if (folder / "__init__.py").is_file() and not any((tests / folder.name).rglob("test_*.py"))
    ]


def code_from_data(modules: Mapping[str, Module], *, trusted: Sequence[str] = ()) -> list[str]:
    """Calls that could run what a file says.

    Args:
        modules: What to look through.
        trusted: Modules that may read pickles, since those come from their own parent process.
    """
    wrong = []
    for module in modules.values():
        for one in module.imports:
            home, _, name = one.target.rpartition(".")
            if one.target.split(".")[0] in _CODE_LOADERS:
                wrong.append(f"{module.path}:{one.line}: imports {one.target}")
            # A name taken out of its module would hide from the calls below.
            if (home, name) in _READERS and module.name not in trusted:
                wrong.append(f"{module.path}:{one.line}: takes {name} out of {home}; call {home}.{name}")
        aliases = _aliases(module.tree)
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call):
                complaint = _complaint(node, aliases, pickles=module.name in trusted)
                if complaint:
                    wrong.append(f"{module.path}:{node.lineno}: {complaint}")
    return wrong


def addresses_in(files: Iterable[Path]) -> list[str]:
    """Lines of lock and requirement files that name a host."""
    return [
        f"{path}:{number}: {found[0]}"
        for path in files
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if (found := _ADDRESS.search(line))
    ]


_READERS = {
    *(("pickle", name) for name in _PICKLE_READERS),
    *(("yaml", name) for name in _YAML_READERS),
    *((home, "load") for home in ("numpy", "torch")),
}


def _imports(tree: ast.Module, name: str, *, is_package: bool) -> Iterator[Import]:
    type_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for statement in node.body
        for inner in ast.walk(statement)
    }
    folder = name.split(".") if is_package else name.split(".")[:-1]
    for node in ast.walk(tree):
        typing = id(node) in type_only
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno, typing)
        elif isinstance(node, ast.ImportFrom):
            base = folder[: len(folder) - node.level + 1] if node.level else []
            home = ".".join([*base, *((node.module or "").split(".") if node.module else [])])
            crossing = bool(node.level) and base[:2] != folder[:2]
            for alias in node.names:
                yield Import(f"{home}.{alias.name}", node.lineno, typing, crossing)


def _resolve(target: str, modules: Mapping[str, Module]) -> str:
    """The longest part of a dotted name that is a module of the package."""
    while target not in modules and "." in target:
        target = target.rpartition(".")[0]
    return target


def _top(name: str) -> str:
    """The package or module directly below the root; "" for the root itself."""
    return name.split(".")[1] if "." in name else ""


def _rings(edges: Mapping[str, set[str]]) -> list[list[str]]:
    """Sets of names that reach each other, sorted."""
    reach = {name: _reachable(name, edges) for name in edges}
    rings = {frozenset({name, *(n for n in reach[name] if name in reach[n])}) for name in edges}
    return sorted(sorted(ring) for ring in rings if len(ring) > 1)


def _reachable(start: str, edges: Mapping[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    pending = [start]
    while pending:
        fresh = edges.get(pending.pop(), set()) - seen
        seen |= fresh
        pending += fresh
    return seen


def _aliases(tree: ast.Module) -> dict[str, str]:
    """What names of imported modules stand for: np → numpy."""
    return {
        alias.asname or alias.name.split(".")[0]: alias.name if alias.asname else alias.name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }


def _complaint(call: ast.Call, aliases: Mapping[str, str], *, pickles: bool) -> str:
    said = {one.arg: one.value for one in call.keywords}
    if isinstance(call.func, ast.Name):
        return f"calls {call.func.id}" if call.func.id in ("eval", "exec") else ""
    if not (isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name)):
        return ""
    home, name = aliases.get(call.func.value.id, ""), call.func.attr
    if home == "pickle" and name in _PICKLE_READERS and not pickles:
        return f"calls pickle.{name}"
    if home == "yaml" and name in _YAML_READERS:
        return f"calls yaml.{name}; use yaml.safe_load"
    if (home, name) == ("torch", "load") and not _is(said.get("weights_only"), True):
        return "calls torch.load without weights_only=True"
    if (home, name) == ("numpy", "load") and not _is(said.get("allow_pickle", ast.Constant(False)), False):
        return "calls numpy.load with allow_pickle"
    if home == "pandas" and name == "read_pickle":
        return "calls pandas.read_pickle"
    return ""


def _is(node: ast.expr | None, wanted: bool) -> bool:
    return isinstance(node, ast.Constant) and node.value is wanted
