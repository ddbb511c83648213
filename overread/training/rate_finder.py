"""A learning-rate range test on train (Smith 2017, §3.3): which rate a network bears, tried before training.

For a few steps the rate grows from next to nothing until the loss does. A tenth of the rate at which the
smoothed loss was lowest is chosen: where it still falls, not where it is about to rise. Nothing of the test
stays: weights, statistics and the chance of dropout are put back.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from overread.engine import write_atomically
from overread.training.loop import TrainingLoop

LOWEST, HIGHEST = 1e-6, 1.0
STEPS = 80
SMOOTHING = 0.9
DIVERGED = 4.0
"""The test ends where the smoothed loss is so many times the lowest."""
CURVE = "learning-rate.json"


def found_rate(loop: TrainingLoop, batches: Iterable[Any], *, out: Path) -> float:
    """The rate for a network, from a test that was made before or is made now.

    Args:
        loop: Not yet trained; the rates of its groups are shares of the rate that is sought.
        batches: Of train, as training shows them; gone through again where they do not suffice.
        out: Folder for the curve, `learning-rate.json`, and for TensorBoard.
    """
    file = out / CURVE
    if file.is_file():
        return float(json.loads(file.read_text("utf-8"))["chosen"])
    rates, losses = range_test(loop, batches)
    smooth = smoothed(losses)
    chosen = chosen_rate(rates, smooth)
    _to_tensorboard(out / "tensorboard" / "learning-rate", rates, losses, smooth)
    curve = {"rates": rates, "losses": losses, "smoothed": smooth, "chosen": chosen}
    write_atomically(file, json.dumps(curve).encode())
    return chosen


def range_test(loop: TrainingLoop, batches: Iterable[Any]) -> tuple[list[float], list[float]]:
    """Rates and the losses of the steps made with them; the network is afterwards what it was."""
    before = {name: value.detach().clone() for name, value in loop.network.state_dict().items()}
    shares = [float(group["lr"]) for group in loop.rates]
    optimizer = torch.optim.AdamW(
        [{**group, "params": list(group["params"])} for group in loop.rates], weight_decay=loop.weight_decay
    )
    rates, losses = [], []
    trained = [parameter for group in loop.rates for parameter in group["params"]]
    with torch.random.fork_rng(devices=[]):
        loop.on_train_epoch_start()
        for step, batch in enumerate(_again_and_again(batches, STEPS)):
            rate = LOWEST * (HIGHEST / LOWEST) ** (step / (STEPS - 1))
            for group, share in zip(optimizer.param_groups, shares, strict=True):
                group["lr"] = rate * share
            optimizer.zero_grad()
            loss: Tensor = loop.training_step(batch, step)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(trained, 2.0)
            rates.append(rate)
            losses.append(loss.item())
            if not math.isfinite(losses[-1]) or smoothed(losses)[-1] > DIVERGED * min(smoothed(losses)):
                break
            optimizer.step()
    optimizer.zero_grad()
    loop.network.load_state_dict(before)
    loop._train_losses.clear()
    return rates, losses


def smoothed(losses: Sequence[float]) -> list[float]:
    """Running mean of losses, without the pull of its start (Kingma 2015, §3)."""
    mean, result = 0.0, []
    for step, loss in enumerate(losses, 1):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        result.append(mean / (1 - SMOOTHING**step))
    return result


def chosen_rate(rates: Sequence[float], smooth: Sequence[float]) -> float:
    """A tenth of the rate with the lowest smoothed loss.

    Example:
        >>> chosen_rate([1e-3, 1e-2, 1e-1], [0.7, 0.3, 0.9])
        0.001
    """
    finite = [index for index, loss in enumerate(smooth) if math.isfinite(loss)]
    lowest = min(finite, key=lambda index: smooth[index]) if finite else 0
    return round(rates[lowest] / 10, 12)


def _again_and_again(batches: Iterable[Any], count: int) -> Iterable[Any]:
    given = 0
    while given < count:
        for batch in batches:
            if given == count:
                return
            given += 1
            yield batch


def _to_tensorboard(
    folder: Path, rates: Sequence[float], losses: Sequence[float], smooth: Sequence[float]
) -> None:
    from torch.utils.tensorboard import SummaryWriter

    writer: Any = SummaryWriter(str(folder))
    for step, (rate, loss, mean) in enumerate(zip(rates, losses, smooth, strict=True)):
        writer.add_scalar("rate_finder/learning_rate", rate, step)
        writer.add_scalar("rate_finder/loss", loss, step)
        writer.add_scalar("rate_finder/smoothed_loss", mean, step)
    writer.close()
