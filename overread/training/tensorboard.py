"""What TensorBoard is shown beside scalars and the graph: how weights and gradients are spread."""

from __future__ import annotations

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
    finite = values[values.isfinite()].double().cpu()
    if not len(finite):  # TensorBoard raises on an empty histogram; a diverged network has no other
        return
    low, high = float(finite.min()), float(finite.max())
    if low == high:  # one bin round a constant, as wide as TensorBoard draws it
        low, high = low - 0.5, high + 0.5
    counts, edges = torch.histogram(finite, bins=BINS, range=(low, high))
    writer.add_histogram_raw(
        name,
        min=low,
        max=high,
        num=len(finite),
        sum=float(finite.sum()),
        sum_squares=float((finite**2).sum()),
        bucket_limits=edges[1:].tolist(),
        bucket_counts=counts.tolist(),
        global_step=epoch,
    )
