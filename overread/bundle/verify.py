"""Is this bundle whole, and does it say on this machine what it said where it was made?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from overread.bundle.read import Bundle
from overread.bundle.selftest import EXPECTED_NAME, replay
from overread.bundle.small import EXPECTED_SMALL_NAME


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
        small: Whether the bundle has a small network too; it passed the same.
    """

    bundle: str
    digest: str
    files: int
    images: int
    max_score_difference: float
    max_novelty_difference: float
    small: bool


def verify(path: Path, *, threads: int = 1) -> Verification:
    """Check every hash of a bundle and replay its self-test.

    Raises:
        BundleError: The first thing that is wrong, with the file or picture.
    """
    bundle = Bundle.load(path, threads=threads)
    where = f"bundle '{path}'"
    replayed = [replay(bundle, expected=bundle.file(EXPECTED_NAME), file=bundle.file, where=where)]
    has_small = bundle.manifest.small is not None
    if has_small:
        small = Bundle.load(path, small=True, threads=threads)
        expected = small.file(EXPECTED_SMALL_NAME)
        replayed.append(replay(small, expected=expected, file=small.file, where=f"{where}, small network"))
    return Verification(
        bundle=bundle.label,
        digest=bundle.digest,
        files=len(bundle.manifest.files),
        images=replayed[0].images,
        max_score_difference=max(one.max_score_difference for one in replayed),
        max_novelty_difference=max(one.max_novelty_difference for one in replayed),
        small=has_small,
    )
