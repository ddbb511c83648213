"""What processes that train together are given: a description, and files in a folder that all of them see."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

from overread.engine import atomically, write_atomically
from overread.errors import TrainingError
from overread.training.batches import Pixels
from overread.training.epochs import TrainingPlan
from overread.training.network import ReaderNetwork

START = "start.safetensors"
PIXELS = "pixels.uint8"
DONE = "epochs.done"
"""As many bytes as there are whole epochs."""


@dataclass(frozen=True)
class Job:
    """A training that several processes share; small, however large the network and the cohort are.

    Attributes:
        out: Folder of checkpoints and result.
        network: The reader's network without any of its numbers, which lie in `START`.
        same: Names of parameters that are another one again, and that one's name.
        plan: Of the training.
        scale: Factor on all learning rates: 1, or the rate that was found.
        pixels: File of the images, `uint8 [n, S, S, 3]`, and where in it they begin.
        shape: [n, S, S, 3].
        processes: How many share every batch.
        accelerator: "cpu" or "gpu".
        threads: Of torch in each process; None: what its launcher chose.
    """

    out: Path
    network: ReaderNetwork
    same: dict[str, str]
    plan: TrainingPlan
    scale: float
    pixels: tuple[Path, int]
    shape: tuple[int, ...]
    processes: int
    accelerator: str
    threads: int | None

    @property
    def folder(self) -> Path:
        """Of what the processes are given and say."""
        return self.out / "together"

    @classmethod
    def write(
        cls,
        network: ReaderNetwork,
        train: Pixels,
        tune: Pixels,
        *,
        plan: TrainingPlan,
        scale: float,
        out: Path,
        accelerator: str,
        threads: int | None,
    ) -> Job:
        """Describe a training and write its files.

        Raises:
            EngineError: The folder cannot be written.
            TrainingError: `train` and `tune` are not parts of one set of images.
        """
        if train.images is not tune.images and train.images.shape[1:] != tune.images.shape[1:]:
            raise TrainingError("expected images of one size in train and tune")
        folder = out.absolute() / "together"
        folder.mkdir(parents=True, exist_ok=True)
        train, tune = _joined(train, tune)
        bare, tensors, same = taken_out(network)
        tensors |= {
            f"pixels/{name}": torch.from_numpy(np.ascontiguousarray(values))
            for name, values in (
                ("targets", train.targets),
                ("train", np.asarray(train.rows, np.int64)),
                ("tune", np.asarray(tune.rows, np.int64)),
            )
        }
        write_atomically(folder / START, bytes(save(tensors)))
        return cls(
            out.absolute(), bare, same, plan, scale, _file_of(train, folder), train.images.shape,
            plan.settings.processes, accelerator, threads,
        )  # fmt: skip

    def opened(self) -> tuple[ReaderNetwork, Pixels, Pixels]:
        """The network with its numbers, and the pixels of train and tune.

        Raises:
            TrainingError: This machine does not see the files.
        """
        file, offset = self.pixels
        try:
            tensors = load_file(self.folder / START)
            images = np.memmap(file, np.uint8, "r", offset=offset, shape=self.shape)
        except OSError as error:
            raise TrainingError(
                f"a machine of the cluster does not see this file ({error.strerror or error})",
                where=str(error.filename or file),
                todo="put the work folder on a disk that all machines share",
            ) from error
        network = put_back(self.network, tensors, same=self.same)
        targets, train, tune = (tensors[f"pixels/{name}"].numpy() for name in ("targets", "train", "tune"))
        return network, Pixels(images, targets, train), Pixels(images, targets, tune)


def taken_out(network: ReaderNetwork) -> tuple[ReaderNetwork, dict[str, Tensor], dict[str, str]]:
    """A network without its numbers, the numbers by name, and names that mean another's numbers."""
    bare = copy.deepcopy(network)
    tensors: dict[str, Tensor] = {}
    first: dict[int, str] = {}
    same: dict[str, str] = {}
    for name, held, key in _held(bare):
        value = held[key]
        if value is None:
            continue
        if id(value) in first:
            same[name] = first[id(value)]
        else:
            first[id(value)] = name
            tensors[name] = value.detach().clone(memory_format=torch.contiguous_format)
    for name, held, key in _held(bare):
        if name in tensors or name in same:
            held[key] = None
    return bare, tensors, same


def put_back(network: ReaderNetwork, tensors: dict[str, Tensor], *, same: dict[str, str]) -> ReaderNetwork:
    """A bare network with its numbers again."""
    made: dict[str, Tensor] = {}
    for name, held, key in _held(network):
        source = same.get(name, name)
        if source not in tensors:
            continue
        if source not in made:
            value = tensors[source]
            made[source] = nn.Parameter(value) if source.startswith("parameter/") else value
        held[key] = made[source]
    return network


def _held(network: nn.Module) -> Iterator[tuple[str, dict[str, Tensor | None], str]]:
    """Each place of a parameter or buffer: its name, and the dictionary and key that hold it."""
    for path, module in network.named_modules():
        for kind, held in (("parameter", module._parameters), ("buffer", module._buffers)):
            for key in held:
                yield f"{kind}/{path}.{key}", held, key


def _joined(train: Pixels, tune: Pixels) -> tuple[Pixels, Pixels]:
    """The two as parts of one set of images."""
    if train.images is tune.images and train.targets is tune.targets:
        return train, tune
    images = np.concatenate([train.images, tune.images])
    targets = np.concatenate([train.targets, tune.targets])
    return Pixels(images, targets, train.rows), Pixels(images, targets, tune.rows + len(train.images))


def _file_of(part: Pixels, folder: Path) -> tuple[Path, int]:
    """Where the images lie on the disk; those that do not yet are written."""
    images = part.images
    if isinstance(images, np.memmap) and images.filename is not None and images.flags.c_contiguous:
        return Path(images.filename).absolute(), int(images.offset)
    with atomically(folder / PIXELS) as target:
        for image in images:
            target.write(np.ascontiguousarray(image).tobytes())
    return folder / PIXELS, 0
