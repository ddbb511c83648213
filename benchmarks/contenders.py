"""The contenders of featurize.py: each runs alone in a process of its own, on the same images and weights.

`python contenders.py WORK NAME [OPTIONS as JSON]` prints one JSON object. Nothing heavy is imported at the
top, since the workers that a contender starts import this file again.
"""

from __future__ import annotations

import itertools
import json
import multiprocessing
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from timing import FIRST, TUNING_IMAGES, Pass, fastest, paths_of, race, timed


def main() -> None:
    work, name = Path(sys.argv[1]), sys.argv[2]
    options = json.loads(sys.argv[3]) if len(sys.argv) > 3 else {}
    found = {"export": export, "tune": tune, "ceiling": ceiling}.get(name)
    if found is not None:
        print(json.dumps(found(work, options)))
        return
    build = {"ours": ours, "plain": plain_pytorch, "tuned": tuned_pytorch}[name.partition("-")[0]]
    print(json.dumps(race(build(work, options), options["count"], out=work / f"{name}.npy")))


def export(work: Path, options: dict[str, Any]) -> dict[str, Any]:
    """Write the backbone for all: ONNX graphs for ours, a state dict for theirs."""
    from safetensors.torch import save_file

    from overread.imaging import Preprocess, preprocess_graph
    from overread.training.backbones import open_backbone
    from overread.training.network import export_features
    from overread.training.weights import find_weights

    weights = find_weights(options["backbone"], options["weights"])
    backbone = open_backbone(weights, image_size=options["image_size"], taps="last", seed=0)
    spec = Preprocess(
        size=options["image_size"],
        resize="squash",
        interpolation="bilinear",
        mean=backbone.mean,
        std=backbone.std,
    )
    (work / "preprocess.onnx").write_bytes(preprocess_graph(spec))
    (work / "network.onnx").write_bytes(export_features(backbone.module, image_size=spec.size))
    save_file(backbone.module.network.state_dict(), work / "model.safetensors")
    said = {"backbone": backbone.name, **spec.model_dump()}
    (work / "spec.json").write_text(json.dumps(said), "utf-8")
    return {**said, "features": backbone.module.channels, "weights": options["weights"]}


def ours(work: Path, options: dict[str, Any]) -> Pass:
    """LocalEngine and FeaturizeStage over Parquet that holds the encoded images."""
    import pyarrow.parquet as pq

    from overread.engine import LocalEngine, list_parts
    from overread.training.features import NEEDED_COLUMNS, FeaturizeStage

    stage = FeaturizeStage((work / "preprocess.onnx").read_bytes(), (work / "network.onnx").read_bytes())
    engine = LocalEngine(options["workers"])
    fresh = itertools.count()

    def run(count: int) -> np.ndarray:
        source = work / ("first.parquet" if count == FIRST else "images.parquet")
        # 64 is the engine's own; fewer only where there would be too few parts for the workers.
        rows = 1 if count == FIRST else min(64, max(1, count // 4))
        key = f"pass {next(fresh)}"  # another key: nothing of an earlier pass is taken
        out = work / f"ours-{options['workers']}"
        engine.run(stage, source, out, key=key, columns=NEEDED_COLUMNS, rows_per_part=rows)
        table = pq.ParquetDataset(list_parts(out)).read()
        return table["features"].combine_chunks().flatten().to_numpy().reshape(len(table), -1)

    return run


def plain_pytorch(work: Path, options: dict[str, Any]) -> Pass:
    """What a user writes first: Pillow, torchvision's transforms, 2 loader workers, timm as it comes."""
    import torch
    from PIL import Image
    from torch.utils.data import DataLoader
    from torchvision import transforms

    spec, model = _timm_model(work)
    change = transforms.Compose(
        [
            transforms.Resize((spec["size"], spec["size"]), antialias=True),
            transforms.ToTensor(),
            transforms.Normalize(spec["mean"], spec["std"]),
        ]
    )

    class Files(torch.utils.data.Dataset[torch.Tensor]):
        def __init__(self, paths: list[Path]) -> None:
            self.paths = paths

        def __len__(self) -> int:
            return len(self.paths)

        def __getitem__(self, at: int) -> torch.Tensor:
            return change(Image.open(self.paths[at]).convert("RGB"))

    paths = paths_of(work)

    def run(count: int) -> np.ndarray:
        loader = DataLoader(Files(paths[:count]), batch_size=32, num_workers=2)
        with torch.no_grad():
            return np.concatenate([model(batch).numpy() for batch in loader])

    del options
    return run


def tuned_pytorch(work: Path, options: dict[str, Any]) -> Pass:
    """The same, by someone who measures: see `featurize.TUNED_ENVIRONMENT` and `tune`."""
    import torch
    from torch.utils.data import DataLoader
    from torchvision.io import ImageReadMode, decode_jpeg, read_file
    from torchvision.transforms.v2 import functional as change

    torch.set_num_threads(options["threads"])
    spec, model = _timm_model(work)
    model = model.to(memory_format=torch.channels_last)
    scale = torch.tensor(spec["std"]).view(1, 3, 1, 1) * 255
    shift = torch.tensor(spec["mean"]).view(1, 3, 1, 1) * 255
    side = [spec["size"], spec["size"]]

    class Files(torch.utils.data.Dataset[torch.Tensor]):
        def __init__(self, paths: list[Path]) -> None:
            self.paths = paths

        def __len__(self) -> int:
            return len(self.paths)

        def __getitem__(self, at: int) -> torch.Tensor:
            pixels = decode_jpeg(read_file(str(self.paths[at])), mode=ImageReadMode.RGB)
            return change.resize(pixels, side, antialias=True)  # on uint8, with torchvision's SIMD kernel

    paths = paths_of(work)

    def features_of(batch: torch.Tensor) -> np.ndarray:
        normal = ((batch.float() - shift) / scale).to(memory_format=torch.channels_last)
        return model(normal).numpy()

    def run(count: int) -> np.ndarray:
        loader = DataLoader(
            Files(paths[:count]), batch_size=options["batch"], num_workers=options["loader_workers"]
        )
        with torch.inference_mode():
            return np.concatenate([features_of(batch) for batch in loader])

    return run


def tune(work: Path, options: dict[str, Any]) -> dict[str, Any]:
    """Try batch sizes, loader workers and threads on some of the images; return the fastest."""
    count = min(options["count"], TUNING_IMAGES)

    def seconds(said: dict[str, Any]) -> float:
        run = tuned_pytorch(work, said)
        run(FIRST)
        return timed(run, count)[0]

    settings = [
        {"batch": batch, "loader_workers": workers, "threads": threads}
        for batch, (workers, threads) in itertools.product((8, 32), ((0, 2), (1, 1), (2, 1), (2, 2)))
    ]
    return fastest(settings, seconds)


def ceiling(work: Path, options: dict[str, Any]) -> dict[str, Any]:
    """The network alone on ready inputs: the rate if decoding, resizing and Arrow cost nothing.

    One by one and in batches of eight; the faster of the two is the ceiling.
    """
    return max(
        (_network_alone(work, options, batch) for batch in (1, 8)), key=lambda one: one["images_per_second"]
    )


def _network_alone(work: Path, options: dict[str, Any], batch: int) -> dict[str, Any]:
    context = multiprocessing.get_context("spawn")
    processes = options["workers"]
    barrier, ended = context.Barrier(processes), context.SimpleQueue()
    share = max(8, options["count"] // 8 * 8)  # each process all of them: a short span is a noisy one
    said = (work, options["image_size"], share, batch, barrier, ended)
    crew = [context.Process(target=_run_network, args=said) for _ in range(processes)]
    for process in crew:
        process.start()
    spans = [ended.get() for _ in crew]
    for process in crew:
        process.join()
    seconds = max(end for _, end, _ in spans) - min(start for start, _, _ in spans)
    cpu = sum(spent for _, _, spent in spans)
    images = share * processes
    return {
        "images_per_second": images / seconds,
        "cpu_ms_per_image": 1000 * cpu / images,
        "start_seconds": None,
        "seconds": seconds,
        "batch": batch,
    }


def _run_network(work: Path, size: int, images: int, batch: int, barrier: Any, ended: Any) -> None:
    from overread.imaging import GraphRunner

    network = GraphRunner(work / "network.onnx", threads=1)
    inputs = np.random.default_rng(0).standard_normal((batch, 3, size, size), np.float32)
    network(inputs)
    barrier.wait()
    start, cpu = time.monotonic(), time.process_time()
    for _ in range(images // batch):
        network(inputs)
    # The monotonic clock is the machine's, so that spans of processes can be compared.
    ended.put((start, time.monotonic(), time.process_time() - cpu))


def _timm_model(work: Path) -> tuple[dict[str, Any], Any]:
    import timm
    from safetensors.torch import load_file

    spec = json.loads((work / "spec.json").read_text("utf-8"))
    model = timm.create_model(spec["backbone"], pretrained=False, num_classes=0)
    model.load_state_dict(load_file(work / "model.safetensors"))
    return spec, model.eval()


if __name__ == "__main__":
    main()
