"""What a cohort looks like before anything is trained on it, and what in it could mislead a reader."""

from __future__ import annotations

from overread.exploration.factors import Factor, FactorName, find_factors
from overread.exploration.shortcuts import Shortcut, audit_shortcuts
from overread.exploration.subject import Subject

__all__ = ["Factor", "FactorName", "Shortcut", "Subject", "audit_shortcuts", "find_factors"]
