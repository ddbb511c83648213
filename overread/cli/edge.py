"""`overread edge`: a bundle as a page that reads photographs offline, served, and checked."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.markup import escape

from overread.cli.show import JsonFlag, TerminalProgress, print_json, print_line
from overread.errors import UsageError

if TYPE_CHECKING:
    from overread.edge.browsers import BrowserName
    from overread.edge.check import SiteCheck
    from overread.edge.host import Hosted
    from overread.edge.site import Site

DEFAULT = Path("out/edge")


class _Browser(StrEnum):
    chromium = "chromium"
    firefox = "firefox"


def edge(
    bundle: Annotated[
        Path | None,
        typer.Argument(help="A bundle's folder or .overread file; none: the site at --out is there."),
    ] = None,
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder of the site.")] = DEFAULT,
    network: Annotated[
        Literal["auto", "small", "full"],
        typer.Option(help="auto: the bundle's small network where it has one."),
    ] = "auto",
    webgpu: Annotated[
        bool, typer.Option("--webgpu", help="Bring what graphics processors need too (25 MB more).")
    ] = False,
    serve: Annotated[bool, typer.Option("--serve", help="Serve the site until Ctrl-C.")] = False,
    host: Annotated[
        str, typer.Option(help="Where to listen; 0.0.0.0: the whole network, behind a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 8000,
    token: Annotated[
        str | None, typer.Option(help="What a first visit must bring; default: made where one is needed.")
    ] = None,
    certificate: Annotated[
        Path | None, typer.Option(help="PEM file for https, which phones ask for.")
    ] = None,
    key: Annotated[Path | None, typer.Option(help="PEM file of the certificate's key.")] = None,
    check: Annotated[
        Path | None,
        typer.Option(
            metavar="SITE", help="Check a site in real browsers: whole, offline, reading as Python does."
        ),
    ] = None,
    images: Annotated[
        Path | None, typer.Option(help="Folder of JPEG and PNG files that --check compares.")
    ] = None,
    browser: Annotated[
        list[_Browser] | None,
        typer.Option(help="Browser of --check; may be repeated; default: those that are here."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Write a bundle as a page that reads photographs offline on any phone; serve it, check it."""
    _refuse_mixtures(bundle, serve=serve, check=check, images=images, browser=browser)
    if check is not None:
        from overread.edge.check import check_site

        browsers: list[BrowserName] | None = [one.value for one in browser] if browser else None
        found = check_site(check, images=images, browsers=browsers, progress=TerminalProgress())
        print_json(found.describe()) if as_json else _show_check(check, found)
        if not found.ok:
            raise typer.Exit(1)
        return
    from overread.edge.host import host_site
    from overread.edge.site import load_site, write_site

    if bundle is not None:
        site = write_site(bundle, out, network=network, webgpu=webgpu, progress=TerminalProgress())
    else:
        site = load_site(out)
    hosted = (
        host_site(out, host=host, port=port, token=token, certificate=certificate, key=key) if serve else None
    )
    facts = _facts(out, site)
    if as_json:
        print_json(facts | ({"url": hosted.url} if hosted else {}))
    else:
        _show(out, facts, written=bundle is not None, hosted=hosted)
    if hosted:
        if hosted.hint:
            _warn(hosted.hint)
        hosted.run()


def _refuse_mixtures(
    bundle: Path | None,
    *,
    serve: bool,
    check: Path | None,
    images: Path | None,
    browser: list[Any] | None,
) -> None:
    if check is not None and (bundle is not None or serve):
        raise UsageError("--check looks at a site that is there", todo="write it first, then check it")
    if check is None and (images is not None or browser):
        raise UsageError("--images and --browser belong to --check", todo="add --check SITE")
    if check is None and bundle is None and not serve:
        raise UsageError("expected a bundle", todo="write `overread edge BUNDLE -o SITE`")


def _facts(out: Path, site: Site) -> dict[str, Any]:
    from overread.edge.first_visit import load_sizes

    return {
        "site": out,
        "bundle": site.bundle,
        "digest": site.digest,
        "network": site.network,
        "small": site.small,
        "files": len(site.files),
        "load_bytes": load_sizes(out, site),
    }


def _show(out: Path, facts: dict[str, Any], *, written: bool, hosted: Hosted | None) -> None:
    if written:
        sizes = facts["load_bytes"]
        print_line(
            f"wrote {out}: {facts['bundle']} as a page of {facts['files']} files; a first visit loads "
            f"{_megabytes(min(sizes.values()))} compressed ({_megabytes(sizes['raw'])} as they are)"
        )
    if hosted:
        print_line(f"serving {facts['bundle']} at {hosted.url} (Ctrl-C ends it)")


def _show_check(folder: Path, found: SiteCheck) -> None:
    told = found.describe()
    for name, one in told["browsers"].items():
        gap = one["max_abs_score_difference"]
        parts = [
            f"{one['same_decision']} of {told['images']} images decided as in Python"
            + (f", scores within {gap:.1g}" if gap is not None else "")
            if told["images"]
            else "",
            f"{one['same_rejection']} of {told['rejected']} refused as in Python" if told["rejected"] else "",
            "self-test passed" if one["selftest"].get("passed") else "self-test failed",
            "reads offline" if one["offline"] else "does not read offline",
        ]
        print_line(f"{name} {one['version']}: {'; '.join(part for part in parts if part)}")
    for name, why in told["not_started"].items():
        _warn(f"{name} was left out: {why}")
    for problem in told["problems"]:
        _warn(problem)
    end = "is as it should be" if found.ok else "is not as it should be"
    print_line(
        f"{folder} {end}: {told['bundle']}, {told['files']} files, "
        f"{told['foreign_requests']} requests elsewhere"
    )


def _warn(sentence: str) -> None:
    Console(stderr=True, soft_wrap=True, highlight=False).print(
        f"[bold yellow]warning:[/] {escape(sentence)}"
    )


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB"


def register(app: typer.Typer) -> None:
    """Put the command into the app."""
    app.command(rich_help_panel="Readers")(edge)
