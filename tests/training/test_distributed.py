from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from overread.errors import EngineError, TrainingError
from overread.training import distributed, distributed_launch
from overread.training.fine_tune import logits_of
from overread.training.network import MLPHead, ReaderNetwork
from tests.training.distributed_cases import Counted, Deadly, Failing, Heard
from tests.training.kill_distributed import die_in_the_second_epoch
from tests.training.made import FULL, MEAN, STD, backbone, pixels, reader, recipe, run_fine_tune

CLOSE = 1e-3
"""How far losses of an epoch may be from those of one process."""


def with_dropout() -> ReaderNetwork:
    module = backbone()
    torch.manual_seed(2)
    return ReaderNetwork(
        module, MLPHead(np.zeros(module.channels), np.ones(module.channels), 1, hidden=8)
    ).eval()


def losses(tuned: Any) -> Any:
    return np.array([[row["train_loss"], row["tune_loss"], row["tune_auc"]] for row in tuned.history])


def logits(network: ReaderNetwork) -> Any:
    return logits_of(network, pixels(10, seed=1), mean=MEAN, std=STD)


def images_by_process(folder: Path) -> list[int]:
    return sorted(file.stat().st_size for file in folder.iterdir() if file.name.isdigit())


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[ReaderNetwork, Any]:
    network = reader()
    return network, run_fine_tune(network, tmp_path_factory.mktemp("alone"), freeze_batch_norm="no")


def test_three_processes_learn_what_one_learns(tmp_path: Path) -> None:
    # Learned statistics, mixing, dropout, running mean, variants; the last batch has two images for three.
    together, alone = with_dropout(), with_dropout()
    train = pixels(18)
    heard = Heard()
    shared = run_fine_tune(
        together, tmp_path / "three", train=train, processes=3, progress=heard, epochs=2, **FULL
    )
    single = run_fine_tune(alone, tmp_path / "one", train=train, epochs=2, **FULL)
    np.testing.assert_allclose(losses(shared), losses(single), atol=CLOSE / 10)
    assert shared.best_epoch == single.best_epoch
    np.testing.assert_allclose(logits(together), logits(alone), atol=CLOSE)
    for name, value in alone.state_dict().items():
        torch.testing.assert_close(together.state_dict()[name], value, atol=2e-3, rtol=0)
    assert heard.steps == 2
    assert heard.notes == []
    (out,) = (tmp_path / "three").iterdir()
    # Nothing is left of what only the processes needed.
    assert {path.name for path in out.iterdir()} == {
        "last.ckpt",
        "network.safetensors",
        "result.json",
        "tensorboard",
    }


def test_a_killed_process_costs_no_more_than_the_epoch_in_which_it_died(
    tmp_path: Path, undisturbed: tuple[ReaderNetwork, Any]
) -> None:
    network, heard = reader(), Heard()
    (tmp_path / "seen").mkdir()
    tuned = run_fine_tune(
        network,
        tmp_path / "out",
        processes=2,
        freeze_batch_norm="no",
        augmentation=Deadly("chest", folder=tmp_path / "seen"),
        progress=heard,
    )
    assert (tmp_path / "seen" / "death-0").exists()
    alone, expected = undisturbed
    np.testing.assert_allclose(losses(tuned), losses(expected), atol=CLOSE)
    assert tuned.best_epoch == expected.best_epoch
    np.testing.assert_allclose(logits(network), logits(alone), atol=CLOSE)
    # 20 images an epoch: who began anew has seen two epochs of three.
    *_, one, other = images_by_process(tmp_path / "seen")
    assert one == other == 20
    assert heard.notes == ["a process of fine-tuning was lost: it goes on behind epoch 1 (try 2 of 4)"]


def test_processes_that_are_lost_again_and_again_end_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distributed, "RETRIES", 1)
    (tmp_path / "seen").mkdir()
    deadly = Deadly("chest", folder=tmp_path / "seen", at=1, times=9)
    with pytest.raises(TrainingError, match="lost 2 times"):
        run_fine_tune(reader(), tmp_path / "out", processes=2, augmentation=deadly)
    assert len(list((tmp_path / "seen").glob("death-*"))) == 2


def test_an_error_in_a_process_comes_back_as_it_is_and_is_not_tried_again(tmp_path: Path) -> None:
    heard = Heard()
    (tmp_path / "seen").mkdir()
    with pytest.raises(EngineError, match=r"^a file: could not be written: the disk is full; free space$"):
        run_fine_tune(
            reader(),
            tmp_path / "out",
            processes=2,
            augmentation=Failing("chest", folder=tmp_path / "seen"),
            progress=heard,
        )
    assert heard.notes == []


def test_processes_that_cannot_reach_each_other_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "nosuchcard0")
    with pytest.raises(TrainingError, match="cannot reach each other") as raised:
        run_fine_tune(reader(), tmp_path, processes=2)
    assert "GLOO_SOCKET_IFNAME" in str(raised.value)


@pytest.mark.exhaustive
def test_a_killed_driver_takes_its_processes_along_and_the_same_call_goes_on(
    tmp_path: Path, undisturbed: tuple[ReaderNetwork, Any]
) -> None:
    (tmp_path / "seen").mkdir()
    driver = distributed_launch._context().Process(target=die_in_the_second_epoch, args=(tmp_path,))
    driver.start()
    driver.join(120)
    assert driver.exitcode == -signal.SIGKILL
    of_the_killed = [int(file.name) for file in (tmp_path / "seen").iterdir()]
    deadline = time.monotonic() + 120
    while any(Path(f"/proc/{pid}").exists() for pid in of_the_killed) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(Path(f"/proc/{pid}").exists() for pid in of_the_killed)
    network = reader()
    tuned = run_fine_tune(
        network,
        tmp_path / "out",
        processes=2,
        freeze_batch_norm="no",
        augmentation=Counted("chest", folder=tmp_path / "seen"),
    )
    alone, expected = undisturbed
    np.testing.assert_allclose(losses(tuned), losses(expected), atol=CLOSE)
    np.testing.assert_allclose(logits(network), logits(alone), atol=CLOSE)


def test_more_processes_than_images_in_a_batch_are_refused() -> None:
    assert recipe(batch_size=8, processes=8).processes == 8
    with pytest.raises(TrainingError, match="at most 8 processes, as many as a batch has images, got 9"):
        recipe(batch_size=8, processes=9)


def test_fewer_gpus_than_processes_leave_the_training_to_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard()
    chosen = {}
    for gpus in (0, 1, 2):
        monkeypatch.setattr(torch.cuda, "device_count", lambda gpus=gpus: gpus)
        chosen[gpus] = distributed._where(None, 2, heard)[1]
    assert chosen == {0: "cpu", 1: "cpu", 2: "gpu"}
    assert heard.notes == ["fine-tuning uses the CPU: there are 1 GPUs for 2 processes"]


def test_a_network_with_its_numbers_taken_out_and_put_back_is_the_same() -> None:
    from overread.training.distributed_job import put_back, taken_out

    network = reader()
    network.tied = nn.Linear(3, 3)
    network.twin = nn.Linear(3, 3)
    network.twin.weight = network.tied.weight
    bare, tensors, same = taken_out(network)
    assert list(bare.parameters()) == list(bare.buffers()) == []
    again = put_back(bare, tensors, same=same)
    assert again.twin.weight is again.tied.weight
    for own, other in ((network.named_parameters(), again.named_parameters()),
                       (network.named_buffers(), again.named_buffers())):  # fmt: skip
        for (name, value), (other_name, found) in zip(own, other, strict=True):
            assert name == other_name
            assert torch.equal(value, found)
