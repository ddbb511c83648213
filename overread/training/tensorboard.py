"""What TensorBoard is shown beside scalars and the graph: how weights and gradients are spread."""

from __future__ import annotations

import math
from typing import Any

import lightning as L
import torch

BINS = 64


class Histograms(L.Callback):
    """Histograms of every weight matrix and kernel, and of their last gradients, once an epoch."""

    def __init__(self) -> None:
        self._gradients: dict[str, torch.Tensor] = {}

    def on_before_optimizer_step(
        self, trainer: L.Trainer, pl_module: L.LightningModule, optimizer: Any
    ) -> None:
        """Keep the gradients of the epoch's last step."""
        del optimizer
        if trainer.is_last_batch:
            self._gradients = {
                name: parameter.grad.detach().clone()
                for name, parameter in pl_module.named_parameters()
                if parameter.grad is not None and parameter.ndim > 1
            }

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Write them to the event file."""
        writer: Any = getattr(trainer.logger, "experiment", None)
        if writer is None:
            return
        for name, parameter in pl_module.named_parameters():
            if parameter.ndim > 1 and parameter.requires_grad:
                _write(writer, f"weights/{name}", parameter.detach(), trainer.current_epoch)
        for name, gradient in self._gradients.items():
            _write(writer, f"gradients/{name}", gradient, trainer.current_epoch)


def _write(writer: Any, name: str, values: torch.Tensor, epoch: int) -> None:
    """One histogram, counted by torch: TensorBoard's own sorts every value, which is slow."""
    found = values.reshape(-1).cpu()
    low, high = (float(end) for end in torch.aminmax(found))
    if not math.isfinite(high - low):
        found = found[found.isfinite()]
        if not len(found):  # TensorBoard raises on an empty histogram; a diverged network has no other
            return
        low, high = (float(end) for end in torch.aminmax(found))
    if low == high:  # one bin round a constant, as wide as TensorBoard draws it
        low, high = low - 0.5, high + 0.5
    precise = found.double()
    # Counts have the type of the values: float32 holds whole numbers up to 2 ** 24.
    counts = torch.histc(found if len(found) < 2**24 else precise, BINS, low, high)
    writer.add_histogram_raw(
        name,
        min=low,
        max=high,
        num=len(found),
        sum=float(precise.sum()),
        sum_squares=float(precise.square_().sum()),
        bucket_limits=torch.linspace(low, high, BINS + 1, dtype=torch.float64)[1:].tolist(),
        bucket_counts=counts.tolist(),
        global_step=epoch,
    )
