"""Stages on Apache Spark: the same parts as on one machine, made by as many as there are."""

from __future__ import annotations

from overread.engine.spark.engine import SparkEngine

__all__ = ["SparkEngine"]
