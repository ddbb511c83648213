"""The native readers in examples/mobile parse; keys, files, tensors and words in them are a bundle's."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from overread.bundle import DECISIONS, pack
from overread.bundle.manifest import SCHEMA_VERSION, ConformalRule, MetadataField, Task
from overread.bundle.selftest import NOVELTY_TOLERANCE, SCORE_TOLERANCE
from overread.cohort import columns
from overread.imaging.preprocess import Preprocess, preprocess_graph
from overread.imaging.quality import QUALITY_WARNINGS, QualityLimits
from overread.imaging.session import open_session
from tests.bundle.asking import FIELDS, asking_model
from tests.bundle.conftest import SIZE, make_draft
from tests.bundle.test_small import SMALL

tree_sitter = pytest.importorskip("tree_sitter")
tree_sitter_kotlin = pytest.importorskip("tree_sitter_kotlin")
tree_sitter_swift = pytest.importorskip("tree_sitter_swift")

MOBILE = Path(__file__).parents[1] / "examples" / "mobile"
ANDROID, IOS = MOBILE / "android" / "app" / "src" / "main", MOBILE / "ios" / "Sources"
KOTLIN, SWIFT = sorted(ANDROID.rglob("*.kt")), sorted(IOS.glob("*.swift"))
GRADLE = sorted((MOBILE / "android").rglob("*.kts"))
BOTH = pytest.mark.parametrize("sources", [KOTLIN, SWIFT], ids=["kotlin", "swift"])


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With everything that a bundle can have."""
    draft = make_draft(
        metadata=FIELDS,
        small=SMALL,
        quality=QualityLimits(images=9, shorter_side=9, dark=9.0, bright=99.0, sharpness=9.0),
    )
    triage = draft.triage.model_copy(
        update={"conformal": ConformalRule(coverage=0.9, lowest=(0.1, 0.2), patients=(9, 9))}
    )
    network = asking_model().SerializeToString()
    return pack(
        tmp_path_factory.mktemp("mobile") / "skin",
        draft=draft.model_copy(update={"triage": triage}),
        preprocess=preprocess_graph(Preprocess(size=SIZE)),
        network=network,
        small=network,
    )


def nodes(path: Path) -> Iterator[Any]:
    """All of a source's syntax."""
    language = tree_sitter_swift if path.suffix == ".swift" else tree_sitter_kotlin
    parser = tree_sitter.Parser(tree_sitter.Language(language.language()))
    left = [parser.parse(path.read_bytes()).root_node]
    while left:
        node = left.pop()
        yield node
        left.extend(node.children)


def texts(path: Path) -> set[str]:
    """The string literals, without their quotes."""
    kinds = {"string_literal", "line_string_literal"}
    return {node.text.decode().strip('"') for node in nodes(path) if node.type in kinds}


def named(sources: list[Path], stem: str) -> Path:
    return next(path for path in sources if path.stem == stem)


def keys_of(value: Any) -> set[str]:
    """All keys of a JSON value, at any depth."""
    if isinstance(value, list):
        return {key for one in value for key in keys_of(one)}
    if not isinstance(value, dict):
        return set()
    return set(value) | {key for one in value.values() for key in keys_of(one)}


def keys_asked(path: Path) -> set[str]:
    """Keys that a source asks JSON for: Kotlin by getters, Swift by names of fields and of `CodingKeys`."""
    text = path.read_text("utf-8")
    if path.suffix == ".kt":
        return set(re.findall(r"\.(?:get|opt)(?:String|Int|Double|JSONArray|JSONObject)\(\"(\w+)\"", text))
    asked = set()
    for body in re.findall(r"struct \w+: Decodable \{\n(.*?)\n\}", text, flags=re.DOTALL):
        fields = set(re.findall(r"^    (?:private )?let (\w+)", body, flags=re.MULTILINE))
        spelt = dict(re.findall(r"case (\w+) = \"(\w+)\"", body))
        assert set(spelt) <= fields
        if spelt:
            plain = re.findall(r"^        case ([\w, ]+)$", body, flags=re.MULTILINE)
            assert fields == set(spelt) | {name for line in plain for name in line.split(", ")}
        asked |= {spelt.get(field, field) for field in fields}
    return asked


@pytest.mark.parametrize("path", [*KOTLIN, *SWIFT, *GRADLE], ids=lambda path: path.name)
def test_a_source_parses(path: Path) -> None:
    wrong = [node.start_point for node in nodes(path) if node.is_error or node.is_missing]
    assert wrong == []
    assert max(map(len, path.read_text("utf-8").splitlines())) <= 110


@BOTH
def test_keys_are_those_of_a_bundle(sources: list[Path], bundle: Path) -> None:
    manifest = keys_of(json.loads((bundle / "bundle.json").read_text("utf-8")))
    asked = keys_asked(named(sources, "Manifest"))
    assert asked <= manifest
    assert {"operating_points", "novelty_threshold", "shorter_side", "lowest", "categories", "files"} <= asked
    expected = keys_of(json.loads((bundle / "selftest" / "expected.json").read_text("utf-8")))
    tested = keys_asked(named(sources, "SelfTest"))
    assert tested <= expected
    assert {"file", "scores", "novelty", "decision", "metadata"} <= tested


@BOTH
def test_files_and_tensors_are_those_of_a_bundle(sources: list[Path], bundle: Path) -> None:
    said = {text for path in sources for text in texts(path)}
    files = {
        text for text in said if text.endswith((".onnx", ".json")) and "$" not in text and " " not in text
    }
    assert files == {
        "bundle.json", "preprocess.onnx", "network.onnx", "network.small.onnx",
        "selftest/expected.json", "selftest/expected.small.json",
    }  # fmt: skip
    assert all((bundle / name).is_file() for name in files)
    opened = [open_session(bundle / name, threads=1) for name in ("preprocess.onnx", "network.onnx")]
    tensors = {one.name for session in opened for one in (*session.get_inputs(), *session.get_outputs())}
    used = texts(named(sources, "Reader")) - files
    wanted = {"pixels", "input", "metadata", "score", "saliency", "novelty"}
    assert wanted <= used
    assert {name for name in used if re.fullmatch(r"[a-z]+", name)} <= tensors


@BOTH
def test_words_and_limits_are_pythons(sources: list[Path]) -> None:
    triage = named(sources, "Triage").read_text("utf-8")
    for decision in DECISIONS:
        assert f'"{decision}"' in triage or re.search(rf"case {decision}$", triage, flags=re.MULTILINE)
    quality = named(sources, "Quality")
    assert [text for text in QUALITY_WARNINGS if text not in texts(quality)] == []
    assert "19595" in quality.read_text("utf-8")
    tasks = {text for path in sources for text in texts(path)} & set(get_args(Task))
    assert tasks == {"multiclass"}
    kinds = texts(named(sources, "Metadata")) & set(get_args(MetadataField.model_fields["kind"].annotation))
    assert kinds
    numbers = {
        "SelfTest": (f"{SCORE_TOLERANCE:.0e}", f"{NOVELTY_TOLERANCE:.0e}"),
        "Metadata": (str(columns._OLDEST),),
        "Manifest": (str(SCHEMA_VERSION),),
    }
    for stem, wanted in numbers.items():
        text = named(sources, stem).read_text("utf-8").replace("e-5", "e-05").replace("e-4", "e-04")
        assert all(re.search(rf"= {number}\b", text) for number in wanted), stem


def test_android_asks_for_nothing_and_has_its_texts() -> None:
    manifest = (ANDROID / "AndroidManifest.xml").read_text("utf-8")
    assert "uses-permission" not in manifest
    known = set(re.findall(r'<string name="(\w+)"', (ANDROID / "res/values/strings.xml").read_text("utf-8")))
    used = {name for path in KOTLIN for name in re.findall(r"R\.string\.(\w+)", path.read_text("utf-8"))}
    used |= set(re.findall(r"@string/(\w+)", manifest))
    assert used == known
