"""What a first visit of a site has to load."""

from __future__ import annotations

from pathlib import Path

from overread.edge.site import SITE_NAME, WORKER_NAME, Site


def load_sizes(folder: Path, site: Site) -> dict[str, int]:
    """Bytes of a first visit, by how the host sends them: `raw`, `gz` and `br`.

    All that is kept for offline use at once, site.json and the service worker. What has no compressed
    file beside it counts as it is.
    """
    paths = [one.path for one in site.files if one.precache] + [SITE_NAME, WORKER_NAME]
    return {
        kind or "raw": sum(_size(folder / path, f".{kind}" if kind else "") for path in paths)
        for kind in ("", "gz", "br")
    }


def _size(path: Path, suffix: str) -> int:
    smaller = path.with_name(path.name + suffix)
    target = smaller if smaller.is_file() else path
    return target.stat().st_size if target.is_file() else 0
