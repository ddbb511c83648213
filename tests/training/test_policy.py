from __future__ import annotations

from pathlib import Path

from overread.training import ReaderSettings
from overread.training.policy import policy_for
from tests.training.made import small_cohort


def test_a_policy_that_is_named_holds_and_auto_looks_at_the_images(tmp_path: Path) -> None:
    cohort = small_cohort(tmp_path, {"benign": 8, "malignant": 8}, positive="malignant")
    assert policy_for(cohort, ReaderSettings(augmentation="none")) == "none"
    assert policy_for(cohort, ReaderSettings(augmentation="chest")) == "chest"
    assert policy_for(cohort, ReaderSettings()) == "dermoscopy"
