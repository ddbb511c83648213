"""What a first visit loads: counted as the host sends it."""

from __future__ import annotations

import shutil
from pathlib import Path

from overread.edge import load_site
from overread.edge.first_visit import load_sizes
from tests.edge.conftest import RUNTIME


def test_a_first_visit_loads_the_compressed_files_where_there_are_some(
    made_site: Path, tmp_path: Path
) -> None:
    own = Path(shutil.copytree(made_site, tmp_path / "site"))
    before = load_sizes(own, load_site(own))
    assert before["br"] < before["raw"]
    assert before["gz"] < before["raw"]
    gone = own / f"{RUNTIME}.br"
    saved = (own / RUNTIME).stat().st_size - gone.stat().st_size
    gone.unlink()
    after = load_sizes(own, load_site(own))
    assert after == before | {"br": before["br"] + saved}


def test_what_is_fetched_only_when_asked_for_is_no_first_visit(made_site: Path) -> None:
    site = load_site(made_site)
    later = tuple(one.model_copy(update={"precache": one.path != RUNTIME}) for one in site.files)
    all_sizes, sizes = (
        load_sizes(made_site, one) for one in (site, site.model_copy(update={"files": later}))
    )
    assert all_sizes["raw"] - sizes["raw"] == (made_site / RUNTIME).stat().st_size
