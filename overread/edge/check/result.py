"""What a check of a site found, for people and for programs."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from overread.bundle.selftest import SCORE_TOLERANCE
from overread.edge.browsers import BrowserName
from overread.edge.check.answer import Answer
from overread.edge.check.browser_report import BrowserReport
from overread.edge.check.parity import Parity
from overread.edge.site import Site


@dataclass(frozen=True)
class SiteCheck:
    """What a check of a site found.

    Args:
        site: What site.json says.
        sizes: Bytes of a first visit: `raw`, `gz`, `br`.
        python: What Python says of the photographs.
        reports: What each browser showed.
        parity: How far each browser is from Python.
        agreed: Photographs with the same decision everywhere.
        file_problems: What is wrong with the site's files.
        not_started: Browsers that are here but do not start, and why.
    """

    site: Site
    sizes: dict[str, int]
    python: tuple[Answer, ...]
    reports: dict[BrowserName, BrowserReport]
    parity: dict[BrowserName, Parity]
    agreed: int
    file_problems: tuple[str, ...]
    not_started: dict[BrowserName, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether nothing differs and nothing is wrong."""
        return not self.problems

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong, a sentence each."""
        found = list(self.file_problems)
        for name, report in self.reports.items():
            found += [f"{name}: {one}" for one in (*report.problems, *_shortcomings(report))]
            found += [f"{name}: {one}" for one in _differences(self.parity[name])]
        return tuple(found)

    def describe(self) -> dict[str, Any]:
        """What `overread edge --check --json` prints."""
        gaps = [one.max_score_difference for one in self.parity.values()]
        rejected = sum(one.decision is None for one in self.python)
        return {
            "ok": self.ok,
            "bundle": self.site.bundle,
            "digest": self.site.digest,
            "network": self.site.network,
            "files": len(self.site.files),
            "load_bytes": self.sizes,
            "found": len(self.python),
            "images": len(self.python) - rejected,
            "same_decision": self.agreed,
            "max_abs_score_difference": _number(_largest(gaps)),
            "rejected": rejected,
            "same_rejection": min((one.same_rejection for one in self.parity.values()), default=0),
            "differing": sorted({name for one in self.parity.values() for name in one.differing}),
            "selftest": all(report.selftest.get("passed") is True for report in self.reports.values()),
            "offline": all(report.offline for report in self.reports.values()),
            "first_load_bytes": max((report.first_load_bytes for report in self.reports.values()), default=0),
            "foreign_requests": sum(len(report.foreign) for report in self.reports.values()),
            "browsers": {
                name: _described(report, self.parity[name]) for name, report in self.reports.items()
            },
            "not_started": dict(self.not_started),
            "problems": list(self.problems),
        }


def _described(report: BrowserReport, parity: Parity) -> dict[str, Any]:
    return {
        "version": report.version,
        "opened": report.opened,
        "runtime": report.runtime,
        "selftest": report.selftest,
        "offline": report.offline,
        "first_load_bytes": report.first_load_bytes,
        "foreign_requests": len(report.foreign),
        "same_decision": parity.same_decision,
        "max_abs_score_difference": _number(parity.max_score_difference),
        "same_rejection": parity.same_rejection,
        "same_reason": parity.same_reason,
        "refused": parity.refused,
        "other_quality": parity.other_quality,
        "unanswered": parity.unanswered,
        "differing": list(parity.differing),
        "read_ms": report.read_ms,
    }


def _shortcomings(report: BrowserReport) -> list[str]:
    found = []
    if report.selftest and not report.selftest.get("passed"):
        found.append(f"the self-test failed: {report.selftest.get('failure') or 'no reason given'}")
    if report.foreign:
        found.append(f"the page asked for what is not of the site: {', '.join(sorted(report.foreign)[:3])}")
    return found


def _differences(parity: Parity) -> list[str]:
    refused = sum(parity.refused.values())
    others = parity.images - parity.same_decision - refused - parity.unanswered
    found = []
    if parity.unanswered:
        found.append(
            f"comes to no answer for {parity.unanswered} of {parity.images + parity.rejected} images"
        )
    if refused:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(parity.refused.items()))
        found.append(f"rejects {refused} of {parity.images} images that Python reads ({reasons})")
    if others > 0:
        found.append(f"decides {others} of {parity.images} images otherwise")
    if parity.same_rejection < parity.rejected and not parity.unanswered:
        read = parity.rejected - parity.same_rejection
        found.append(f"reads {read} of {parity.rejected} images that Python rejects")
    gap = parity.max_score_difference
    if gap is not None and not gap <= SCORE_TOLERANCE:
        found.append(f"scores are off by up to {gap:.2g}; expected at most {SCORE_TOLERANCE:g}")
    if parity.other_quality:
        found.append(f"warns otherwise of the quality of {parity.other_quality} of {parity.images} images")
    if parity.differing and not found:
        found.append(f"read {len(parity.differing)} of {parity.images} images from other bytes")
    return found


def _largest(gaps: list[float | None]) -> float | None:
    """None where a browser has nothing to compare: then nobody knows the largest."""
    known = [gap for gap in gaps if gap is not None]
    return max(known) if known and len(known) == len(gaps) else None


def _number(value: float | None) -> float | None:
    """JSON has no infinity: a difference that there is no telling is null, and a problem says so."""
    return None if value is None or not math.isfinite(value) else value
