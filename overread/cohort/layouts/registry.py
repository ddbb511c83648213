"""Every layout by its name, the one that fits a source, and the listing that comes of it."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

from overread.cohort.candidates import Listing
from overread.cohort.layouts.folder import FolderLayout
from overread.cohort.layouts.ham10000 import Ham10000Layout
from overread.cohort.layouts.isic import IsicLayout
from overread.cohort.layouts.layout import Layout
from overread.cohort.layouts.medmnist import MedMnistLayout
from overread.cohort.layouts.nih import NihLayout
from overread.cohort.layouts.plugins import Plugin, check_listing, find_plugins
from overread.cohort.layouts.table import TableLayout
from overread.cohort.settings import IngestSettings
from overread.cohort.table_layout import Images
from overread.cohort.tables import is_table, peek_columns, table_stem
from overread.errors import CohortError, OverreadError

_TABLE, _FOLDER = TableLayout(), FolderLayout()
_NAMED: tuple[Layout, ...] = (Ham10000Layout(), IsicLayout(), NihLayout(), MedMnistLayout())
BUILT_IN: tuple[Layout, ...] = (*_NAMED, _TABLE, _FOLDER)
"""In the order in which they are tried; layouts of other packages come between the named ones and `table`."""

_AUTO = "auto"


def list_source(
    source: Path, out: Path | None = None, *, settings: IngestSettings, images: Images = "required"
) -> Listing:
    """All inputs of a source with what the source says of them; no image is opened.

    Args:
        source: A folder, a table with its images beside it, or a MedMNIST file.
        out: Where the cohort is being written; no part of the source.
        settings: The layout, its columns and rules.
        images: `optional`: a table without a single image file is listed as it is.

    Raises:
        CohortError: There is no input, the layout is unknown, or the source does not fit it.
    """
    notes: tuple[str, ...] = ()
    if settings.layout == _AUTO:
        layout, notes = _detect(source, settings)
    else:
        layout = find_layout(settings.layout)
    if layout in BUILT_IN:
        listing = layout.list(source, settings=settings, exclude=out, images=images)
    else:
        listing = _list_by_plugin(layout, source, out, settings=settings, images=images)
    if not listing.candidates:
        raise CohortError(
            f"holds no image ({listing.ignored} other files)",
            where=f"source '{source}'",
            todo="name the folder that holds the images as JPEG, PNG or TIFF",
        )
    return replace(listing, notes=(*notes, *listing.notes))


def layout_names() -> tuple[str, ...]:
    """The names that `layout = "…"` may say: `auto`, the built-in ones, those of installed packages."""
    built_in = [layout.name for layout in BUILT_IN]
    return (_AUTO, *built_in, *sorted({plugin.name for plugin in find_plugins()} - {_AUTO, *built_in}))


def find_layout(name: str) -> Layout:
    """The layout of this name.

    Raises:
        CohortError: There is none, two packages or a package and Overread itself bring one, or the package's
            is broken.
    """
    built_in = {layout.name: layout for layout in BUILT_IN}
    plugins = [plugin for plugin in find_plugins() if plugin.name == name]
    if plugins and (name in built_in or len(plugins) > 1):
        packages = sorted({plugin.package for plugin in plugins})
        owners = (["Overread itself"] if name in built_in else []) + packages
        raise CohortError(
            f"{len(owners)} owners bring a layout of this name: {', '.join(owners)}",
            where=f"layout {name!r}",
            todo=f"rename or uninstall that of {packages[0]}",
        )
    if plugins:
        return plugins[0].load()
    if name not in built_in:
        names = layout_names()
        near = get_close_matches(name.lower(), names, n=1, cutoff=0.5)
        raise CohortError(
            "there is no such layout" + (f", the nearest is {near[0]!r}" if near else ""),
            where=f"layout {name!r}",
            todo=f"the layouts are {', '.join(names)}",
        )
    return built_in[name]


def detect_layout(source: Path, settings: IngestSettings) -> Layout:
    """The first layout that fits a source.

    Raises:
        CohortError: There is no such source, or it is a file that no layout takes.
    """
    return _detect(source, settings)[0]


def _detect(source: Path, settings: IngestSettings) -> tuple[Layout, tuple[str, ...]]:
    """The first layout that fits, and what is wrong with those of other packages that were asked."""
    if not source.exists():
        raise CohortError(
            "there is no such folder",
            where=f"source '{source}'",
            todo="name the folder that holds the images",
        )
    if settings.table is not None or (source.is_dir() and _has_labels(source)):
        return _TABLE, ()
    for layout in _NAMED:
        if layout.fits(source):
            return layout, ()
    notes: list[str] = []
    plugins = find_plugins()
    taken = [*(layout.name for layout in BUILT_IN), _AUTO, *(plugin.name for plugin in plugins)]
    for plugin in plugins:
        try:
            if taken.count(plugin.name) > 1:
                raise plugin.broken("its name is taken")
            layout = plugin.load()
            if _fits(layout, plugin, source):
                return layout, tuple(notes)
        except CohortError as error:
            notes.append(f"passed over: {error}")
    if source.is_file() and not is_table(source):
        raise CohortError(
            "is a file, expected a folder, a table or a MedMNIST .npz",
            where=f"source '{source}'",
            todo="name the folder that holds the images",
        )
    wants_table = any(settings.columns.values()) or _TABLE.fits(source)
    return (_TABLE if wants_table else _FOLDER), tuple(notes)


def _has_labels(source: Path) -> bool:
    """Whether somebody laid a table called labels beside the images, which goes before what others say."""
    try:
        names = [path for path in source.iterdir() if table_stem(path).lower() == "labels" and is_table(path)]
    except OSError:
        return False
    usual = (set(map(str.lower, peek_columns(path))) for path in names)
    return any({"image", "label"} <= columns for columns in usual)


def _fits(layout: Layout, plugin: Plugin, source: Path) -> bool:
    try:
        return bool(layout.fits(source))
    except Exception as error:  # whatever another package raises must not end the ingest
        raise plugin.broken(f"its fits raised {type(error).__name__}") from error


def _list_by_plugin(
    layout: Layout, source: Path, out: Path | None, *, settings: IngestSettings, images: Images
) -> Listing:
    try:
        listing = layout.list(source, settings=settings, exclude=out, images=images)
    except OverreadError:
        raise
    except Exception as error:  # a user of somebody's layout gets a sentence, its author --debug
        raise CohortError(
            f"it could not list '{source}': {type(error).__name__}",
            where=f"layout {layout.name!r}",
            todo="ask its author; --debug shows where it failed",
        ) from error
    check_listing(listing, layout=layout.name)
    return listing
