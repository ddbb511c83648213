"""`overread bundle`: look at a bundle, check it, zip it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from overread.cli.show import JsonFlag, print_facts, print_json, print_line

app = typer.Typer(help="Look at a bundle, check it, zip it.", no_args_is_help=True, rich_markup_mode="rich")
BundleArgument = Annotated[Path, typer.Argument(help="The bundle's folder or .overread file.")]


@app.command()
def show(bundle: BundleArgument, as_json: JsonFlag = False) -> None:
    """What a bundle reads, where its threshold lies, and where it comes from."""
    from overread.bundle import Bundle

    facts = Bundle.load(bundle).describe()
    if as_json:
        print_json(facts)
    else:
        print_facts(facts)


@app.command()
def verify(bundle: BundleArgument, as_json: JsonFlag = False) -> None:
    """Check every hash of a bundle and read its self-test images again."""
    from overread.bundle import verify as verify_bundle

    found = verify_bundle(bundle)
    if as_json:
        print_json(asdict(found))
        return
    print_line(
        f"{found.bundle} is whole: {found.files} files fit their hashes, and {found.images} self-test images "
        f"read as when it was packed (largest difference of a score {found.max_score_difference:.1g})"
        f"{', by the small network too' * found.small}."
    )


@app.command("zip")
def zip_(
    bundle: BundleArgument,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Default: NAME.overread beside it.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Write a bundle's folder as one .overread file; the same bundle, the same bytes."""
    from overread.bundle import zip_bundle

    path = zip_bundle(bundle, out=out)
    if as_json:
        print_json({"bundle": path})
    else:
        print_line(f"wrote {path}")
