"""`overread edge --check`: whether a site is whole and reads in real browsers as Python does."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from overread.bundle.selftest import FOLDER
from overread.edge.browsers import BROWSERS, PACKAGES, BrowserName, find_browser, variable
from overread.edge.check.browser_report import BrowserReport
from overread.edge.check.event_loop import run_to_the_end
from overread.edge.check.files import check_files
from overread.edge.check.in_python import open_reader, read_in_python
from overread.edge.check.parity import compare, count_agreed
from overread.edge.check.photograph import Photograph, list_photographs
from overread.edge.check.result import SiteCheck
from overread.edge.check.visit import look
from overread.edge.first_visit import load_sizes
from overread.edge.site import BUNDLE_FOLDER, Site, load_site
from overread.errors import BundleError, OverreadError, UsageError
from overread.progress import SILENT, Progress


def check_site(
    folder: Path,
    *,
    images: Path | None = None,
    browsers: Sequence[BrowserName] | None = None,
    progress: Progress = SILENT,
) -> SiteCheck:
    """Check a site: its files, and what real browsers make of it.

    The site is served on 127.0.0.1. Each browser opens it, runs the self-test, reads the photographs with
    the page's own reader, loses the network, reloads and reads again.

    Args:
        folder: The site.
        images: A folder whose JPEG and PNG files are read, to the bottom; Python reads them too.
        browsers: Which ones; None: those that are on this machine.
        progress: Is told how far the reading is.

    Raises:
        BundleError: It is no site, or lacks what reading needs.
        UsageError: No browser, a browser that is not here, or no photograph.
        OverreadError: A browser that was asked for, or each of them, does not start.
    """
    site = load_site(folder)
    found = _find(browsers)
    photographs = list_photographs(images) if images is not None else []
    file_problems = tuple(check_files(folder, site))
    try:
        reader = open_reader(folder, site)
    except BundleError as error:
        if not file_problems:
            raise
        raise BundleError(file_problems[0], where=f"site '{folder}'", todo="write it anew") from error
    python = []
    with progress.task("reading in Python", len(photographs)) as task:
        for photograph in photographs:
            python.append(read_in_python(reader, photograph))
            task.advance()
    reports: dict[BrowserName, BrowserReport] = {}
    not_started: dict[BrowserName, str] = {}
    for name, executable in found.items():
        with progress.task(f"reading in {name}", len(photographs)) as task:
            try:
                reports[name] = run_to_the_end(
                    look(
                        name,
                        executable,
                        folder=folder,
                        photographs=photographs,
                        probe=_probe(folder, site),
                        advance=task.advance,
                    )
                )
            except OverreadError as error:
                if browsers is not None:
                    raise
                not_started[name] = str(error)
    if not reports:
        raise OverreadError("; ".join(not_started.values()))
    ids = [one.image_id for one in photographs]
    return SiteCheck(
        site=site,
        sizes=load_sizes(folder, site),
        python=tuple(python),
        reports=reports,
        parity={name: compare(ids, python, report.answers) for name, report in reports.items()},
        agreed=count_agreed(python, [report.answers for report in reports.values()]),
        file_problems=file_problems,
        not_started=not_started,
    )


def _find(wanted: Sequence[BrowserName] | None) -> dict[BrowserName, str]:
    for name in wanted or BROWSERS:
        named = os.environ.get(variable(name))
        if named and not shutil.which(named):
            raise UsageError(f"{variable(name)} is '{named}', which is no program", todo="name a browser")
    found = {name: path for name in wanted or BROWSERS if (path := find_browser(name))}
    missing = [name for name in wanted or () if name not in found]
    if missing or not found:
        one = missing[0] if missing else BROWSERS[0]
        raise UsageError(
            f"there is no {missing[0] if missing else 'browser'} on this machine",
            todo=f"install one (Debian: apt-get install {PACKAGES[one]}), or name it in {variable(one)}",
        )
    for package in ("playwright", "starlette", "uvicorn"):
        if find_spec(package) is None:
            raise UsageError(
                f"the package '{package}' is not installed, which a check needs",
                todo="pip install 'overread[edge]'",
            )
    return found


def _probe(folder: Path, site: Site) -> Photograph:
    return Photograph("self-test", folder / BUNDLE_FOLDER / FOLDER / min(site.pixels))
