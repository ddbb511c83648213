"""The offline browser app: a bundle as a static site that reads photographs on the device itself."""

from overread.edge.site import Site, SiteFile, load_site, write_site

__all__ = ["Site", "SiteFile", "load_site", "write_site"]
