"""Whether a site is whole, and reads in real browsers as Python does."""

from overread.edge.check.result import SiteCheck
from overread.edge.check.site import check_site

__all__ = ["SiteCheck", "check_site"]
