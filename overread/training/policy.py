"""The augmentation that a study asks for."""

from __future__ import annotations

from overread.cohort import Cohort
from overread.cohort.augment_policy import choose_policy
from overread.imaging.augment import Policy
from overread.training.settings import ReaderSettings


def policy_for(cohort: Cohort, settings: ReaderSettings) -> Policy:
    """The policy that is named, or for "auto" the one that suits the cohort's images.

    Raises:
        CohortError: See `overread.cohort.augment_policy.choose_policy`.
    """
    return choose_policy(cohort) if settings.augmentation == "auto" else settings.augmentation
