"""How far a reader can be trusted: figures with intervals, calibration, operating points, the report."""

from __future__ import annotations
