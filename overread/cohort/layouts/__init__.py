"""Layouts of sources: which files and tables a public data set, or anybody's folder, is made of."""

from overread.cohort.layouts.layout import Layout, source_root
from overread.cohort.layouts.registry import detect_layout, find_layout, layout_names, list_source

__all__ = ["Layout", "detect_layout", "find_layout", "layout_names", "list_source", "source_root"]
