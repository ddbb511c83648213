"""Layouts that other packages bring, by entry points of the group `overread.layouts`."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from overread.cohort.candidates import Candidate, Listing
from overread.cohort.layouts.layout import Layout
from overread.errors import CohortError

GROUP = "overread.layouts"


@dataclass(frozen=True)
class Plugin:
    """A layout that a package says it has; its code is not loaded before it is asked for.

    Attributes:
        name: Of the layout.
        package: Of the package, as it was installed.
        entry: Where the layout is.
    """

    name: str
    package: str
    entry: EntryPoint

    def load(self) -> Layout:
        """Import the layout; a class or a function is called without arguments.

        Raises:
            CohortError: It cannot be imported or made, is no layout, or calls itself something else.
        """
        try:
            found = self.entry.load()
            made = found if isinstance(found, Layout) and not isinstance(found, type) else found()
        except Exception as error:  # importing a stranger's code can raise anything
            raise self.broken(f"loading it raised {type(error).__name__}: {error}") from error
        if not isinstance(made, Layout) or isinstance(made, type):
            raise self.broken(f"expected name, title, fits and list, got a {type(made).__name__} without")
        if made.name != self.name:
            raise self.broken(f"its entry point is called {self.name!r}, but it calls itself {made.name!r}")
        return made

    def broken(self, what: str) -> CohortError:
        """One sentence that says which package is to be mended."""
        return CohortError(
            f"the layout {self.name!r} is broken: {what}",
            where=f"package {self.package!r}",
            todo="mend or uninstall it",
        )


def find_plugins() -> list[Plugin]:
    """All layouts that installed packages bring, sorted by name and package; none is loaded."""
    found = {
        Plugin(entry.name, entry.dist.name if entry.dist is not None else entry.value.split(":")[0], entry)
        for entry in entry_points(group=GROUP)
    }
    return sorted(found, key=lambda plugin: (plugin.name, plugin.package, plugin.entry.value))


def check_listing(listing: object, *, layout: str) -> None:
    """Refuse what a package's layout returned, where it is no listing or would lose inputs.

    Raises:
        CohortError: It is no listing, or two of its candidates name one file.
    """
    where, todo = f"layout {layout!r}", "ask its author to mend it"
    if not isinstance(listing, Listing) or not all(isinstance(one, Candidate) for one in listing.candidates):
        raise CohortError(f"expected a Listing, got a {type(listing).__name__}", where=where, todo=todo)
    files = [one.file for one in listing.candidates if one.file is not None]
    if len(set(files)) < len(files):
        raise CohortError("two of its candidates name one file", where=where, todo=todo)
