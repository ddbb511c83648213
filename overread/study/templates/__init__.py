"""Commented study files for `overread init`."""

from __future__ import annotations

from importlib.resources import files

TEMPLATES = ("skin", "skin7")


def template(kind: str) -> str:
    """The text of a study file of one kind, with every key and its default."""
    return (files(__package__) / f"{kind}.toml").read_text("utf-8")
