from __future__ import annotations

import csv
from pathlib import Path

from typer.testing import CliRunner

from overread.bundle import pack
from overread.cli.app import app
from overread.imaging.preprocess import Preprocess, preprocess_graph
from tests.bundle.conftest import SIZE, encode, make_draft, make_pixels, network_bytes
from tests.bundle.test_small import SMALL


def test_the_small_network_reads_where_it_is_asked_for(tmp_path: Path) -> None:
    bundle = pack(
        tmp_path / "skin",
        draft=make_draft(small=SMALL),
        preprocess=preprocess_graph(Preprocess(size=SIZE)),
        network=network_bytes(),
        small=network_bytes(seed=1),
    )
    (tmp_path / "mole.png").write_bytes(encode(make_pixels(1)))
    said = [
        "predict",
        str(bundle),
        str(tmp_path / "mole.png"),
        "-o",
        str(tmp_path / "a.csv"),
        "--workers",
        "1",
    ]
    done = CliRunner().invoke(app, [*said, "--small"])
    assert done.exit_code == 0, done.output
    with (tmp_path / "a.csv").open() as stream:
        [row] = csv.DictReader(stream)
    assert row["bundle"] == "skin@1.0.0+small"
    shown = CliRunner().invoke(app, ["bundle", "verify", str(bundle)])
    assert "by the small network too" in " ".join(shown.stdout.split())
