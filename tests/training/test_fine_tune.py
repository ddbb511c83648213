from __future__ import annotations

import json
import math
import multiprocessing
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn

from overread.errors import TrainingError
from overread.imaging.augment import Augmentation
from overread.training.batches import AugmentedImages, Pixels, SeededOrder
from overread.training.block_rates import learning_rates
from overread.training.fine_tune import logits_of
from tests.training.kill_fine_tune import die
from tests.training.made import (
    FULL,
    MEAN,
    SIZE,
    STD,
    contrary,
    pixels,
    reader,
    recipe,
    run_fine_tune,
    same_weights,
)


def norms(network: nn.Module) -> Iterator[nn.BatchNorm2d]:
    return (module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm))


def result_folder(out: Path) -> Path:
    (folder,) = out.iterdir()
    return folder


def test_training_lowers_the_loss_and_leaves_the_best_epochs_weights(tmp_path: Path) -> None:
    network, before = reader(), reader()
    tuned = run_fine_tune(network, tmp_path)
    assert [row["epoch"] for row in tuned.history] == [0, 1, 2]
    assert tuned.history[-1]["train_loss"] < tuned.history[0]["train_loss"]
    assert tuned.best_epoch == int(np.argmin([row["tune_loss"] for row in tuned.history]))
    assert not same_weights(network, before)
    assert not any(module.training for module in network.modules())
    # What is left has the loss that the history states for the best epoch.
    tune = pixels(10, seed=1)
    images = AugmentedImages(tune, mean=MEAN, std=STD, augmentation=None, seed=0)
    with torch.no_grad():
        logits = network(torch.stack([images[0, i][0] for i in range(10)]))
    loss = nn.functional.binary_cross_entropy_with_logits(logits, torch.from_numpy(tune.targets))
    assert float(loss) == pytest.approx(tuned.history[tuned.best_epoch]["tune_loss"], rel=1e-4)


def test_the_same_call_again_trains_nothing_and_gives_the_same_weights(tmp_path: Path) -> None:
    first, second = reader(), reader()
    one = run_fine_tune(first, tmp_path)
    stamp = (result_folder(tmp_path) / "last.ckpt").stat().st_mtime_ns
    two = run_fine_tune(second, tmp_path)
    assert one == two
    assert same_weights(first, second)
    assert (result_folder(tmp_path) / "last.ckpt").stat().st_mtime_ns == stamp


def test_another_key_starts_anew_beside_the_old_result(tmp_path: Path) -> None:
    run_fine_tune(reader(), tmp_path, epochs=1)
    other = run_fine_tune(reader(), tmp_path, epochs=1, key="other", learning_rate=1e-5)
    assert len(list(tmp_path.iterdir())) == 2
    assert other.history[0]["learning_rate"] == pytest.approx(1e-5)


@pytest.mark.parametrize("moment", ["between", "after", pytest.param("before", marks=pytest.mark.slow)])
def test_a_killed_training_goes_on_and_ends_with_the_same_bits(moment: str, tmp_path: Path) -> None:
    _kill(tmp_path / "killed", 2, moment, patience=9)
    resumed, whole = reader(), reader()
    after = run_fine_tune(resumed, tmp_path / "killed", patience=9, epochs=4, **FULL)
    uninterrupted = run_fine_tune(whole, tmp_path / "whole", patience=9, epochs=4, **FULL)
    assert after == uninterrupted
    assert same_weights(resumed, whole)


def test_a_training_killed_when_it_had_stopped_early_does_not_train_on(tmp_path: Path) -> None:
    against = {"patience": 1, "epochs": 4, "tune": contrary(pixels(10, seed=1))}
    uninterrupted = run_fine_tune(reader(), tmp_path / "whole", **against)
    stopped = len(uninterrupted.history)
    assert stopped < 4
    _kill(tmp_path / "killed", stopped, "after", patience=1)
    assert run_fine_tune(reader(), tmp_path / "killed", **against) == uninterrupted


def _kill(out: Path, epoch: int, moment: str, *, patience: int) -> None:
    """In a fork of a server that has imported torch: loading it for every death takes most of its time."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([die.__module__, "sklearn.metrics", "torch.utils.tensorboard"])
    process = context.Process(target=die, args=(out, epoch, moment, patience))
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL


def test_a_checkpoint_cut_in_half_is_said_and_training_starts_anew(tmp_path: Path) -> None:
    first, second = reader(), reader()
    run_fine_tune(first, tmp_path, epochs=1)
    folder = result_folder(tmp_path)
    (folder / "result.json").unlink()
    (folder / "last.ckpt").write_bytes((folder / "last.ckpt").read_bytes()[:1000])
    run_fine_tune(second, tmp_path, epochs=1)
    assert same_weights(first, second)


def test_what_is_watched_and_kept_is_the_running_mean_of_the_weights(tmp_path: Path) -> None:
    plain, averaged = reader(), reader()
    run_fine_tune(plain, tmp_path / "a", epochs=1)
    tuned = run_fine_tune(averaged, tmp_path / "b", epochs=1, ema=0.9)
    assert not same_weights(plain, averaged)
    start = reader().head.linear.weight
    # The mean has gone less far than the weights themselves.
    assert (averaged.head.linear.weight - start).norm() < (plain.head.linear.weight - start).norm()
    tune = pixels(10, seed=1)
    logits = torch.from_numpy(logits_of(averaged, tune, mean=MEAN, std=STD).astype(np.float32))
    loss = nn.functional.binary_cross_entropy_with_logits(logits, torch.from_numpy(tune.targets))
    assert float(loss) == pytest.approx(tuned.history[0]["tune_loss"], rel=1e-4)


def test_frozen_batch_norm_keeps_its_statistics_and_else_learns_them(tmp_path: Path) -> None:
    frozen, learning, before = reader(), reader(), reader()
    run_fine_tune(frozen, tmp_path / "a", epochs=2, freeze_batch_norm="yes")
    run_fine_tune(learning, tmp_path / "b", epochs=2, freeze_batch_norm="no")
    # The last one lies above the last tap.
    for old, kept, learned in list(zip(norms(before), norms(frozen), norms(learning), strict=True))[:-1]:
        assert torch.equal(old.running_mean, kept.running_mean)
        assert torch.equal(old.running_var, kept.running_var)
        assert not torch.equal(old.running_mean, learned.running_mean)


def test_automatic_freezing_looks_at_how_many_images_train_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    networks = {}
    for small_train in (10_000, 1):
        monkeypatch.setattr("overread.training.fine_tune.SMALL_TRAIN", small_train)
        networks[small_train] = reader()
        run_fine_tune(networks[small_train], tmp_path / str(small_train), epochs=1)
    before = next(norms(reader())).running_mean
    assert torch.equal(next(norms(networks[10_000])).running_mean, before)
    assert not torch.equal(next(norms(networks[1])).running_mean, before)


@pytest.mark.parametrize("taps", ["stages", "last"])
def test_one_block_trains_only_the_top_of_what_is_used(taps: str, tmp_path: Path) -> None:
    network, before = reader(taps=taps), reader(taps=taps)
    run_fine_tune(network, tmp_path, epochs=1, blocks=1, freeze_batch_norm="no")
    after = network.state_dict()
    changed = {
        name
        for name, value in before.state_dict().items()
        if not torch.equal(value, after[name]) and not name.endswith("num_batches_tracked")
    }
    stages = {name.split(".")[3] for name in changed if name.startswith("backbone.network.blocks.")}
    assert stages == {str(len(network.backbone.network.blocks) - 1)}
    assert any("running_mean" in name for name in changed)
    assert ("backbone.network.conv_head.weight" in changed) is (taps == "last")
    assert not any(
        name.startswith(("backbone.network.conv_stem", "backbone.network.bn1")) for name in changed
    )


def test_each_blocks_rate_is_a_fixed_share_of_the_one_above() -> None:
    network = reader()
    settings = recipe(learning_rate=1e-3, layer_decay=0.5, head_rate=2.0)
    groups = learning_rates(network, settings, image_size=SIZE)
    *blocks, head = [group["lr"] for group in groups]
    assert head == pytest.approx(2e-3)
    assert blocks[-1] == pytest.approx(0.5e-3)
    np.testing.assert_allclose(np.array(blocks[1:]) / np.array(blocks[:-1]), 2)
    stem = network.backbone.network.conv_stem.weight
    assert any(parameter is stem for parameter in groups[0]["params"])


def test_what_no_logit_depends_on_is_not_trained() -> None:
    network = reader(taps="stages")
    groups = learning_rates(network, recipe(), image_size=SIZE)
    trained = {id(parameter) for group in groups for parameter in group["params"]}
    assert id(network.backbone.network.conv_head.weight) not in trained
    assert not network.backbone.network.conv_head.weight.requires_grad
    assert id(network.backbone.network.conv_stem.weight) in trained


def test_more_blocks_than_there_are_train_all() -> None:
    network = reader()
    every = learning_rates(network, recipe(), image_size=SIZE)
    many = learning_rates(network, recipe(blocks=99), image_size=SIZE)
    assert [len(group["params"]) for group in every] == [len(group["params"]) for group in many]


def test_targets_that_are_not_stated_neither_break_nor_steer_training(tmp_path: Path) -> None:
    train = pixels(20, classes=2)
    train.targets[:, 1] = np.where(np.arange(20) % 2, np.nan, train.targets[:, 1])
    tuned = run_fine_tune(
        reader(outputs=2),
        tmp_path,
        task="multilabel",
        train=train,
        tune=pixels(10, seed=1, classes=2),
        epochs=1,
    )
    assert math.isfinite(tuned.history[0]["train_loss"])


def test_a_training_that_diverges_is_one_clear_error(tmp_path: Path) -> None:
    network = reader()
    with torch.no_grad():
        network.head.linear.weight.fill_(torch.nan)
    with pytest.raises(TrainingError, match="fine-tuning diverged") as raised:
        run_fine_tune(network, tmp_path, epochs=2)
    assert "learning_rate" in str(raised.value)


@pytest.mark.parametrize("count", [9, 17])
def test_a_last_batch_of_one_image_does_not_stop_training(count: int, tmp_path: Path) -> None:
    train = pixels(max(count, 2))
    train = Pixels(train.images, train.targets, train.rows[:count])
    tuned = run_fine_tune(reader(), tmp_path, train=train, epochs=1, freeze_batch_norm="no")
    assert math.isfinite(tuned.history[0]["tune_loss"])


def test_tensorboard_gets_scalars_the_graph_and_histograms(tmp_path: Path) -> None:
    run_fine_tune(reader(), tmp_path, epochs=2)
    events = EventAccumulator(str(result_folder(tmp_path) / "tensorboard"), size_guidance={"histograms": 0})
    events.Reload()
    tags = events.Tags()
    assert {"train_loss", "tune_loss", "tune_auc", "learning_rate"} <= set(tags["scalars"])
    assert len(events.Scalars("tune_loss")) == 2
    assert tags["graph"]
    for kind in ("weights", "gradients"):
        name = f"{kind}/network.head.linear.weight"
        assert name in tags["histograms"]
        assert len(events.Histograms(name)) == 2
    assert any("conv_stem" in name for name in tags["histograms"])


def test_augmentation_depends_on_seed_epoch_and_image_alone() -> None:
    part = pixels(6)

    def images(seed: int) -> AugmentedImages:
        return AugmentedImages(part, mean=MEAN, std=STD, augmentation=Augmentation("dermoscopy"), seed=seed)

    first = images(1)[0, 3][0]
    assert torch.equal(first, images(1)[0, 3][0])
    assert not torch.equal(first, images(1)[1, 3][0])
    assert not torch.equal(first, images(2)[0, 3][0])


def test_images_are_normalised_as_the_preprocessing_graph_does() -> None:
    part = pixels(3)
    images = AugmentedImages(part, mean=(0.1, 0.2, 0.3), std=(0.5, 0.6, 0.7), augmentation=None, seed=0)
    expected = (part.images[1] / 255 - [0.1, 0.2, 0.3]) / [0.5, 0.6, 0.7]
    np.testing.assert_allclose(images[0, 1][0].numpy(), expected.transpose(2, 0, 1), atol=1e-5)


def test_the_order_is_another_each_epoch_and_the_same_again() -> None:
    order = SeededOrder(20, seed=1, shuffled=True)
    first = list(order)
    order.set_epoch(1)
    second = list(order)
    assert sorted(index for _, index in first) == list(range(20))
    assert [index for _, index in first] != [index for _, index in second]
    assert {epoch for epoch, _ in second} == {1}
    order.set_epoch(0)
    assert list(order) == first
    assert [index for _, index in SeededOrder(4, seed=1, shuffled=False)] == [0, 1, 2, 3]


def test_the_result_on_disk_is_json_and_safetensors(tmp_path: Path) -> None:
    run_fine_tune(reader(), tmp_path, epochs=1)
    folder = result_folder(tmp_path)
    assert json.loads((folder / "result.json").read_text())["best_epoch"] == 0
    assert {path.name for path in folder.iterdir()} == {
        "last.ckpt",
        "network.safetensors",
        "result.json",
        "tensorboard",
    }
