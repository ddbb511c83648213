"""The contenders of train.py that need no Python of their own: ours, and PyTorch as it is and tuned.

`python epochs.py WORK NAME [OPTIONS as JSON]` prints one JSON object. All train the same network, from the
same weights, on the same images in batches of the same size, and look at the same images of `tune` after
each epoch. Tuned ones keep the resized pixels, and the statistics of batch normalisation, as ours does.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from timing import Moment, combinations, epochs_of, fastest, paths_of, peak_mebibytes

RATE = 3e-5
SEEN_TO_TUNE = 4  # batches on which each setting is tried


def main() -> None:
    work, name = Path(sys.argv[1]), sys.argv[2]
    options = json.loads(sys.argv[3]) if len(sys.argv) > 3 else {}
    contenders = {"ours": ours, "tuned": tuned_pytorch, "plain": plain_pytorch}
    print(json.dumps({**contenders[name](work, options), "peak_mib": peak_mebibytes()}))


class Stamps:
    """A listener that reads the clocks whenever an epoch is done."""

    def __init__(self) -> None:
        self.moments: list[Moment] = []

    @contextlib.contextmanager
    def task(self, label: str, total: int | None = None) -> Iterator[Stamps | contextlib.nullcontext[None]]:
        """Listen to fine-tuning, and to nothing else."""
        del total
        yield self if label == "fine-tuning" else _Deaf()

    def advance(self, steps: int = 1) -> None:
        """An epoch is done."""
        self.moments += [Moment.now()] * bool(steps)

    def note(self, message: str) -> None:
        """Ignore the message."""


class _Deaf(contextlib.nullcontext[None]):
    def advance(self, steps: int = 1) -> None:
        pass


def ours(work: Path, options: dict[str, Any]) -> dict[str, Any]:
    """Phase three as a study runs it: pixels through the graph, checkpoints and TensorBoard included."""
    from dataclasses import replace

    from overread.engine import LocalEngine
    from overread.imaging import Preprocess, resize_graph
    from overread.imaging.augment import Augmentation
    from overread.training.backbones import open_backbone
    from overread.training.batches import Pixels
    from overread.training.features import ResizeStage, compute_pixels
    from overread.training.fine_tune import fine_tune
    from overread.training.imbalance import Imbalance
    from overread.training.network import LinearHead, ReaderNetwork
    from overread.training.recipe import recipe_for
    from overread.training.settings import FineTuneSettings
    from overread.training.weights import find_weights

    side, count, epochs = options["image_size"], options["count"], options["epochs"]
    weights = find_weights(options["backbone"], options["weights"])
    backbone = open_backbone(weights, image_size=side, taps="last", seed=0)
    head = np.random.default_rng(0).normal(0, 0.01, (1, backbone.module.channels))
    network = ReaderNetwork(backbone.module, LinearHead(head, np.zeros(1)))
    stage = ResizeStage(resize_graph(Preprocess(size=side, interpolation="bilinear")))
    recipe = replace(
        recipe_for(FineTuneSettings(), pretrained=True),
        epochs=epochs,
        patience=epochs,
        batch_size=options["batch"],
        learning_rate=RATE,
        freeze_batch_norm="yes",
    )
    stamps = Stamps()
    with tempfile.TemporaryDirectory(dir=work) as out:
        begun = Moment.now()
        ids, pixels = compute_pixels(
            stage,
            [work / "images.parquet"],
            Path(out) / "pixels",
            size=side,
            content_hash="benchmark",
            engine=LocalEngine(2),
        )
        targets = (np.arange(len(ids), dtype=np.float32) % 2)[:, None]
        rows = np.arange(len(ids))
        fine_tune(
            network,
            Pixels(pixels, targets, rows[:count]),
            Pixels(pixels, targets, rows[count:]),
            task="binary",
            mean=backbone.mean,
            std=backbone.std,
            imbalance=Imbalance("none"),
            augmentation=Augmentation("dermoscopy") if options["augmented"] else None,
            settings=recipe,
            seed=0,
            key="benchmark",
            out=Path(out),
            progress=stamps,  # type: ignore[arg-type]
        )
    return {"epochs": epochs_of([begun, *stamps.moments]), "tuning": {}}


def plain_pytorch(work: Path, options: dict[str, Any]) -> dict[str, Any]:
    """What a user writes first: Pillow, torchvision's transforms, 2 loader workers, timm as it comes."""
    import torch
    from PIL import Image
    from torchvision import transforms

    side, count = options["image_size"], options["count"]
    model = _timm_model(options)
    varied = [
        transforms.RandomAffine(180, (0.05, 0.05), (0.8, 1.1)),
        transforms.ColorJitter(0.12, 0.15, 0.15),
    ]
    last = [transforms.ToTensor(), transforms.Normalize((0.5,) * 3, (0.5,) * 3)]
    change = {
        learning: transforms.Compose(
            [
                transforms.Resize((side, side), antialias=True),
                *(varied if options["augmented"] and learning else []),
                *last,
            ]
        )
        for learning in (False, True)
    }

    class Files(torch.utils.data.Dataset[tuple[torch.Tensor, float]]):
        def __init__(self, paths: list[Path], *, learning: bool) -> None:
            self.paths, self.learning = paths, learning

        def __len__(self) -> int:
            return len(self.paths)

        def __getitem__(self, at: int) -> tuple[torch.Tensor, float]:
            return change[self.learning](Image.open(self.paths[at]).convert("RGB")), at % 2

    paths = paths_of(work)
    learning, watching = (
        torch.utils.data.DataLoader(
            Files(part, learning=shuffled), batch_size=options["batch"], shuffle=shuffled, num_workers=2
        )
        for part, shuffled in ((paths[:count], True), (paths[count:], False))
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE)
    moments = [Moment.now()]
    for _ in range(options["epochs"]):
        model.train()
        for images, truth in learning:
            optimizer.zero_grad()
            _loss(model(images), truth.float()).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 2.0)
            optimizer.step()
        model.eval()
        with torch.no_grad():
            for images, truth in watching:
                _loss(model(images), truth.float())
        moments.append(Moment.now())
    return {"epochs": epochs_of(moments), "tuning": {}}


def tuned_pytorch(work: Path, options: dict[str, Any]) -> dict[str, Any]:
    """The same, by someone who measures: pixels kept as uint8, the fastest threads, layout and optimizer."""
    import torch
    from torchvision.io import ImageReadMode, decode_jpeg, read_file
    from torchvision.transforms import v2

    side, count, size = options["image_size"], options["count"], options["batch"]
    paths = paths_of(work)
    truth = (torch.arange(len(paths)) % 2).float()
    vary = v2.Compose([v2.RandomAffine(180, (0.05, 0.05), (0.8, 1.1)), v2.ColorJitter(0.12, 0.15, 0.15)])
    kept: dict[int, torch.Tensor] = {}

    def pixels(place: int) -> torch.Tensor:
        if place not in kept:
            decoded = decode_jpeg(read_file(str(paths[place])), mode=ImageReadMode.RGB)
            kept[place] = v2.functional.resize(decoded, [side, side], antialias=True)
        return kept[place]

    def batch(places: list[int], *, learning: bool) -> torch.Tensor:
        images = [pixels(place) for place in places]
        if learning and options["augmented"]:
            images = [vary(image) for image in images]
        return torch.stack(images).float().sub_(127.5).div_(127.5)

    class Run:
        """A model and its optimizer under one setting."""

        def __init__(self, said: dict[str, Any]) -> None:
            torch.set_num_threads(said["threads"])
            layout = torch.channels_last if said["channels_last"] else torch.contiguous_format
            self.layout, self.model = layout, _timm_model(options).to(memory_format=layout)
            self.model.eval()  # the statistics of batch normalisation stay; there is no dropout
            self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=RATE, fused=True)

        def step(self, places: list[int]) -> None:
            self.optimizer.zero_grad()
            images = batch(places, learning=True).contiguous(memory_format=self.layout)
            _loss(self.model(images), truth[places]).backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 2.0)
            self.optimizer.step()

        def watch(self, places: list[int]) -> None:
            with torch.inference_mode():
                images = batch(places, learning=False).contiguous(memory_format=self.layout)
                _loss(self.model(images), truth[places])

    def seconds(said: dict[str, Any]) -> float:
        run, few = Run(said), list(range(min(size, count)))
        run.step(few)
        start = time.perf_counter()
        for _ in range(SEEN_TO_TUNE):
            run.step(few)
        return time.perf_counter() - start

    settings = combinations(threads=(1, 2), channels_last=(True, False))
    said = options.get("tuning") or fastest(settings, seconds)
    kept.clear()
    run, order = Run(said), np.random.default_rng(0)
    moments = [Moment.now()]
    for _ in range(options["epochs"]):
        for places in _batches(order.permutation(count).tolist(), size):
            run.step(places)
        for places in _batches(list(range(count, len(paths))), size):
            run.watch(places)
        moments.append(Moment.now())
    return {"epochs": epochs_of(moments), "tuning": said}


def _batches(places: list[int], size: int) -> Iterator[list[int]]:
    yield from (places[start : start + size] for start in range(0, len(places), size))


def _loss(logits: Any, truth: Any) -> Any:
    from torch.nn.functional import binary_cross_entropy_with_logits

    return binary_cross_entropy_with_logits(logits[:, 0], truth)


def _timm_model(options: dict[str, Any]) -> Any:
    import timm

    name, said = options["backbone"], options["weights"]
    if said == "none":
        return timm.create_model(name, num_classes=1)
    return timm.create_model(said, pretrained=True, num_classes=1)


if __name__ == "__main__":
    main()
