from __future__ import annotations

import pytest

from overread.training.recipe import recipe_for
from overread.training.settings import FineTuneSettings


def test_pretrained_weights_are_moved_gently() -> None:
    recipe = recipe_for(FineTuneSettings(), pretrained=True, images=5000)
    assert (recipe.epochs, recipe.learning_rate, recipe.layer_decay, recipe.batch_size) == (4, 3e-5, 0.8, 16)
    assert (recipe.mix, recipe.ema, recipe.ensemble, recipe.wear) == ("none", 0.0, 1, 0.0)
    assert not recipe.fresh_head
    assert recipe.freeze_batch_norm == "auto"


def test_random_weights_learn_long_at_a_high_rate_every_layer_alike() -> None:
    recipe = recipe_for(FineTuneSettings(), pretrained=False, images=5000)
    assert recipe.epochs > 8
    assert recipe.learning_rate > 1e-3  # type: ignore[operator]
    assert (recipe.layer_decay, recipe.freeze_batch_norm, recipe.fresh_head) == (1.0, "no", True)
    assert recipe.strength > 1
    assert 0.9 < recipe.ema < 1


@pytest.mark.parametrize(("images", "batch"), [(30, 16), (600, 32), (2000, 64), (5000, 128), (100_000, 128)])
def test_fewer_images_get_more_epochs_and_smaller_batches(images: int, batch: int) -> None:
    recipe = recipe_for(FineTuneSettings(), pretrained=False, images=images)
    more = recipe_for(FineTuneSettings(), pretrained=False, images=images * 2)
    assert recipe.batch_size == batch
    assert recipe.epochs >= more.epochs
    assert 0 < recipe.ema < 1


@pytest.mark.parametrize("pretrained", [True, False])
def test_what_a_study_says_is_kept(pretrained: bool) -> None:
    said = {
        "epochs": 7, "patience": 3, "batch_size": 9, "learning_rate": 0.01, "layer_decay": 0.5,
        "weight_decay": 0.2, "mix": "cutmix", "label_smoothing": 0.3, "ema": 0.0, "ensemble": 4,
        "freeze_batch_norm": "yes", "blocks": 2, "head_rate": 3.0,
    }  # fmt: skip
    recipe = recipe_for(FineTuneSettings.model_validate(said), pretrained=pretrained)
    assert {name: getattr(recipe, name) for name in said} == said


def test_a_rate_to_be_found_stays_to_be_found() -> None:
    recipe = recipe_for(FineTuneSettings(learning_rate="find"), pretrained=True)
    assert recipe.learning_rate == "find"
