"""DESIGN.md §1 and STYLE.md as tests; and the tests' own eyes tested on small made packages."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests import architecture as look

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "overread"
MODULES = look.read_modules(PACKAGE)
LIGHT = ("imaging", "engine", "cohort", "bundle", "cli")
# They read what their own parent process, or their own driver, has just sent them.
OWN_PROCESSES = ("overread.engine.worker", "overread.engine.spark.payload")


def test_every_import_follows_the_arrows() -> None:
    assert look.wrong_arrows(MODULES, root="overread") == []


def test_no_package_imports_itself_by_way_of_another() -> None:
    assert look.package_cycles(MODULES) == []


def test_no_module_imports_itself_by_way_of_another() -> None:
    assert look.module_cycles(MODULES) == []


def test_torch_lives_in_training_and_nodules_alone() -> None:
    assert look.heavy_imports(MODULES) == []


def test_importing_the_light_packages_loads_nothing_heavy() -> None:
    light = ["overread", *(name for name in MODULES if name.split(".")[1:2] and name.split(".")[1] in LIGHT)]
    assert _loaded_by(light) == {}


def test_every_module_can_be_imported_first() -> None:
    # A ring of imports shows only where it is entered; entering at the packages' faces is what users do.
    faces = ["overread", *(f"overread.{name}" for name in (*LIGHT, "evaluation", "exploration", "study"))]
    for face in faces:
        done = subprocess.run(
            [sys.executable, "-c", f"import {face}"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"import {face}: {done.stderr}"


def test_files_are_one_idea_long() -> None:
    assert look.long_files([PACKAGE, ROOT / "benchmarks"]) == []


def test_no_module_is_named_after_nothing() -> None:
    assert look.shapeless_names(MODULES) == []


def test_the_tests_mirror_the_package() -> None:
    assert look.untested_packages(PACKAGE, ROOT / "tests") == []


def test_nothing_that_is_loaded_can_execute() -> None:
    assert look.code_from_data(MODULES, trusted=OWN_PROCESSES) == []


def test_pinned_versions_name_no_host() -> None:
    found = [
        path
        for pattern in (
            "*constraints*.txt",
            "*requirements*.txt",
            "*.lock",
            "web/*lock*",
            "benchmarks/*/*lock*",
        )
        for path in ROOT.glob(pattern)
    ]
    assert {ROOT / "constraints.txt", ROOT / "web" / "package-lock.json"} <= set(found)
    assert look.addresses_in(found) == []


def _loaded_by(modules: list[str]) -> dict[str, list[str]]:
    """Module → heavy libraries that importing it brought into a fresh process."""
    code = (
        "import importlib, json, sys\n"
        "heavy, guilty = set(json.loads(sys.argv[1])), {}\n"
        "for name in json.loads(sys.argv[2]):\n"
        "    before = heavy & sys.modules.keys()\n"
        "    importlib.import_module(name)\n"
        "    if fresh := (heavy & sys.modules.keys()) - before:\n"
        "        guilty[name] = sorted(fresh)\n"
        "print(json.dumps(guilty))\n"
    )
    arguments = [json.dumps(sorted(look.LAZY_LIBRARIES)), json.dumps(modules)]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True, cwd=ROOT
    )
    guilty: dict[str, list[str]] = json.loads(done.stdout)
    return guilty


# The walker itself, on made packages with planted faults.


def _made(folder: Path, files: dict[str, str]) -> dict[str, look.Module]:
    for name, text in {"__init__.py": "", **files}.items():
        path = folder / "made" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        if path.parent != folder / "made" and not (path.parent / "__init__.py").exists():
            (path.parent / "__init__.py").write_text("", "utf-8")
    return look.read_modules(folder / "made")


def test_imports_down_the_levels_pass(tmp_path: Path) -> None:
    modules = _made(
        tmp_path,
        {
            "__init__.py": "__version__ = '1'\nif TYPE_CHECKING:\n    from made.cli import main\n",
            "errors.py": "",
            "imaging/decode.py": "from made.errors import A\nfrom made.imaging import jpeg\n",
            "imaging/jpeg.py": "from . import png\n",
            "imaging/png.py": "import numpy\n",
            "cli/main.py": "from made import __version__\nfrom made.imaging.decode import decode\n",
        },
    )
    assert look.wrong_arrows(modules, root="made") == []
    assert look.module_cycles(modules) == []
    assert look.package_cycles(modules) == []


@pytest.mark.parametrize(
    ("file", "text", "found"),
    [
        ("imaging/a.py", "from made.cohort import Cohort\n", "imaging imports made.cohort"),
        ("imaging/a.py", "import made.cohort.table\n", "imaging imports made.cohort"),
        ("imaging/a.py", "def f():\n    from made.cohort import Cohort\n", "imaging imports made.cohort"),
        ("imaging/a.py", "from made import cohort\n", "imaging imports made.cohort"),
        ("imaging/a.py", "from ..cohort import Cohort\n", "imaging imports made.cohort"),
        ("cohort/a.py", "from ..imaging import decode\n", "relative import"),
        ("errors.py", "from made.imaging import decode\n", "errors imports made.imaging"),
        ("training/a.py", "from made.evaluation import roc\n", "training imports made.evaluation"),
        ("serving/a.py", "import made.cli\n", "serving imports made.cli"),
        ("study/a.py", "from made import Cohort\n", "package's face"),
        ("stuff/a.py", "", "no place in LEVELS"),
        (
            "imaging/a.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from made.cohort import Cohort\n",
            "imaging imports made.cohort",
        ),
    ],
)
def test_a_planted_wrong_arrow_is_found(tmp_path: Path, file: str, text: str, found: str) -> None:
    others = {f"{name}/__init__.py": "" for name in ("cohort", "imaging", "evaluation", "cli")}
    wrong = look.wrong_arrows(_made(tmp_path, {**others, "cohort/table.py": "", file: text}), root="made")
    assert any(found in one for one in wrong), wrong


def test_a_ring_of_modules_is_found_though_a_function_hides_it(tmp_path: Path) -> None:
    modules = _made(
        tmp_path,
        {
            "cohort/a.py": "from made.cohort.b import f\n",
            "cohort/b.py": "from made.cohort import c\n",
            "cohort/c.py": "def f():\n    from made.cohort.a import g\n",
            "cohort/d.py": "from made.cohort import a\n",
        },
    )
    assert look.module_cycles(modules) == [["made.cohort.a", "made.cohort.b", "made.cohort.c"]]


def test_a_ring_through_a_packages_face_is_found(tmp_path: Path) -> None:
    files = {
        "cohort/__init__.py": "from made.cohort.a import f\n",
        "cohort/a.py": "from made.cohort import g\n",
    }
    assert look.module_cycles(_made(tmp_path, files)) == [["made.cohort", "made.cohort.a"]]


def test_a_type_only_import_makes_no_ring(tmp_path: Path) -> None:
    typed = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from made.cohort.a import A\n"
    modules = _made(tmp_path, {"cohort/a.py": "from made.cohort import b\n", "cohort/b.py": typed})
    assert look.module_cycles(modules) == []


def test_a_ring_of_packages_is_found(tmp_path: Path) -> None:
    modules = _made(
        tmp_path,
        {
            "bundle/a.py": "import made.cohort.x\n",
            "cohort/x.py": "import made.engine.y\n",
            "engine/y.py": "import made.bundle.z\n",
            "bundle/z.py": "",
        },
    )
    assert look.package_cycles(modules) == [["bundle", "cohort", "engine"]]
    assert look.module_cycles(modules) == []


@pytest.mark.parametrize(
    "text", ["import torch\n", "def f():\n    import torch.nn as nn\n", "from timm.models import x\n"]
)
def test_torch_outside_its_home_is_found(tmp_path: Path, text: str) -> None:
    assert look.heavy_imports(_made(tmp_path, {"evaluation/a.py": text}))
    assert not look.heavy_imports(_made(tmp_path / "home", {"training/a.py": text}))


def test_a_heavy_library_loaded_on_the_way_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "jinja2.py").write_text("", "utf-8")  # a stand-in, so that the test needs no library
    (tmp_path / "inner.py").write_text("import jinja2\n", "utf-8")
    (tmp_path / "outer.py").write_text("import json\n", "utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert _loaded_by(["outer", "inner"]) == {"inner": ["jinja2"]}


def test_a_long_file_is_found(tmp_path: Path) -> None:
    (tmp_path / "short.py").write_text("x = 1\n" * 400, "utf-8")
    (tmp_path / "long.py").write_text("x = 1\n" * 401, "utf-8")
    [found] = look.long_files([tmp_path])
    assert "long.py: 401 lines" in found


def test_a_name_that_says_nothing_is_found() -> None:
    names = ["a.utils", "a.helpers.x", "a.image_utils", "a.manager", "a.common"]
    assert look.shapeless_names([*names, "a.utilisation", "a.decode"]) == names


def test_a_package_without_tests_is_found(tmp_path: Path) -> None:
    _made(tmp_path, {"cohort/a.py": "", "bundle/a.py": ""})
    for name, file in (("cohort", "test_a.py"), ("bundle", "made.py")):
        (tmp_path / "tests" / name).mkdir(parents=True)
        (tmp_path / "tests" / name / file).write_text("", "utf-8")
    [found] = look.untested_packages(tmp_path / "made", tmp_path / "tests")
    assert found.startswith("bundle:")


@pytest.mark.parametrize(
    "text",
    [
        "import pickle\npickle.loads(b'')\n",
        "import pickle as p\np.Unpickler(f)\n",
        "from pickle import loads\n",
        "import shelve\n",
        "from marshal import loads\n",
        "import joblib\n",
        "import yaml\nyaml.load(f, Loader=yaml.SafeLoader)\n",
        "import torch\ntorch.load(f)\n",
        "import torch\ntorch.load(f, weights_only=False)\n",
        "from torch import load\n",
        "import numpy as np\nnp.load(f, allow_pickle=True)\n",
        "import numpy as np\nnp.load(f, allow_pickle=flag)\n",
        "eval('1')\n",
        "def f():\n    exec('1')\n",
    ],
)
def test_a_planted_way_to_execute_data_is_found(tmp_path: Path, text: str) -> None:
    assert look.code_from_data(_made(tmp_path, {"cohort/a.py": text}))


@pytest.mark.parametrize(
    "text",
    [
        "import pickle\npickle.dumps(1)\ntry: pass\nexcept pickle.UnpicklingError: pass\n",
        "import yaml\nyaml.safe_load(f)\n",
        "import torch\ntorch.load(f, weights_only=True)\nmodel.eval()\n",
        "import numpy as np\nnp.load(f)\nnp.load(f, allow_pickle=False)\n",
        "import json\njson.loads('1')\n",
    ],
)
def test_harmless_readers_pass(tmp_path: Path, text: str) -> None:
    assert look.code_from_data(_made(tmp_path, {"cohort/a.py": text})) == []


def test_only_the_trusted_module_may_read_pickles(tmp_path: Path) -> None:
    modules = _made(tmp_path, {"engine/worker.py": "import pickle\npickle.loads(b'')\n"})
    assert look.code_from_data(modules, trusted=["made.engine.worker"]) == []
    assert look.code_from_data(modules, trusted=["made.engine.other"])


def test_an_address_in_a_lock_file_is_found(tmp_path: Path) -> None:
    lock = tmp_path / "a.lock"
    lock.write_text("numpy==2.0\nx @ https://pypi.example/x.whl\n", "utf-8")
    assert look.addresses_in([lock]) == [f"{lock}:2: https://pypi.example/x.whl"]
    npm = tmp_path / "package-lock.json"
    npm.write_text(
        '"url": "https://opencollective.com/x"\n\n\n"resolved": "https://npm.example/x.tgz"\n', "utf-8"
    )
    found = [f"{npm}:1: https://opencollective.com/x", f"{npm}:4: https://npm.example/x.tgz"]
    assert look.addresses_in([npm]) == found
