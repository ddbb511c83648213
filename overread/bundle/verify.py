"""Is this bundle whole, and does it say on this machine what it said where it was made?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from overread.bundle.read import Bundle
from overread.bundle.selftest import EXPECTED_NAME, replay


@dataclass(frozen=True)
class Verification:
    """What was checked of a bundle that passed.

    Args:
        bundle: name@version.
        digest: SHA-256 of bundle.json.
        files: How many files fitted their SHA-256.
        images: How many self-test pictures were read again.
        max_score_difference: Largest |Δscore| to what the bundle said when it was packed.
        max_novelty_difference: Largest |Δnovelty| / (1 + |novelty|).
    """

    bundle: str
    digest: str
    files: int
    images: int
    max_score_difference: float
    max_novelty_difference: float


def verify(path: Path, *, threads: int = 1) -> Verification:
    """Check every hash of a bundle and replay its self-test.

    Raises:
        BundleError: The first thing that is wrong, with the file or picture.
    """
    bundle = Bundle.load(path, threads=threads)
    replayed = replay(bundle, expected=bundle.file(EXPECTED_NAME), file=bundle.file, where=f"bundle '{path}'")
    return Verification(
        bundle=bundle.label,
        digest=bundle.digest,
        files=len(bundle.manifest.files),
        images=replayed.images,
        max_score_difference=replayed.max_score_difference,
        max_novelty_difference=replayed.max_novelty_difference,
    )
