"""What the pages of Overread share: their templates, their style, and text that holds for the same bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from overread.evaluation import wording

if TYPE_CHECKING:
    import jinja2

HOME = "overread.evaluation"
"""The package whose templates every page can import."""


def page_environment(package: str = HOME) -> jinja2.Environment:
    """Templates of a package, and beside them those of the report (`parts.html.jinja`, `report.css`).

    Whatever a template shows is escaped, and a name that it does not know is an error.

    Args:
        package: Holds a folder `templates`.
    """
    import jinja2

    packages = dict.fromkeys([package, HOME])
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader([jinja2.PackageLoader(name, "templates") for name in packages]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "count": wording.count,
        "number": wording.number,
        "signed": wording.signed,
        "interval": wording.interval,
        "threshold": wording.threshold,
        "share_percent": wording.share_percent,
        "per_finding": wording.per_finding,
    }
    return environment


def stylesheet(environment: jinja2.Environment, *names: str) -> Any:
    """The named style sheets, one after the other, to stand in the page as they are."""
    loader = environment.loader
    return safe("\n".join(loader.get_source(environment, name)[0] for name in names) if loader else "")


def safe(text: str) -> Any:
    """Text that Overread made itself and that a template must not escape."""
    from markupsafe import Markup

    return Markup(text)


def tidy(page: str) -> str:
    """The page without the empty lines and trailing spaces that templates leave."""
    return "\n".join(line.rstrip() for line in page.splitlines() if line.strip()) + "\n"
