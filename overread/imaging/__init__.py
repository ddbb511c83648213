"""Pixels: decoding, preprocessing, augmentation, phantoms."""

from __future__ import annotations

from overread.imaging.augment import Augmentation
from overread.imaging.decode import IMAGE_SUFFIXES, decode, sniff
from overread.imaging.limits import DecodeLimits
from overread.imaging.preprocess import GraphRunner, Preprocess, preprocess_graph, resize_graph

__all__ = [
    "IMAGE_SUFFIXES",
    "Augmentation",
    "DecodeLimits",
    "GraphRunner",
    "Preprocess",
    "decode",
    "preprocess_graph",
    "resize_graph",
    "sniff",
]
