"""TensorFlow and Keras on the images of featurize.py and train.py, run by a Python that has them.

`PYTHON peers.py WORK NAME [OPTIONS as JSON]` prints one JSON object. The architecture is that of
`keras.applications`, of the same size as timm's; its weights are random, which changes no time.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from timing import FIRST, Moment, Pass, combinations, epochs_of, fastest, paths_of, peak_mebibytes, race

KERAS_NAMES = {
    "mobilenetv2_100": "MobileNetV2",
    "resnet50": "ResNet50",
    "densenet121": "DenseNet121",
    "efficientnet_b0": "EfficientNetB0",
    "vgg16": "VGG16",
}
TRIED_IMAGES = 64


def main() -> None:
    work, name = Path(sys.argv[1]), sys.argv[2]
    options = json.loads(sys.argv[3]) if len(sys.argv) > 3 else {}
    if name == "versions":
        found = versions(options["backbone"])
    else:
        backend = "torch" if name.endswith("-torch") else "tensorflow"
        os.environ.update(KERAS_BACKEND=backend, TF_CPP_MIN_LOG_LEVEL="3")
        contenders = {
            "tensorflow": tensorflow_features,
            "keras-torch": keras_torch_features,
            "train-tensorflow": keras_tensorflow_epochs,
            "train-keras-torch": keras_torch_epochs,
        }
        found = contenders[name](work, options)
    print(json.dumps(found))


def versions(backbone: str) -> dict[str, Any]:
    """Which of the peers are here, and whether Keras knows the network."""
    found: dict[str, Any] = {"architecture": KERAS_NAMES.get(backbone)}
    for name in ("tensorflow", "keras", "torch", "torchvision"):
        for distribution in (name, f"{name}-cpu"):
            try:
                found[name] = importlib.metadata.version(distribution)
                break
            except importlib.metadata.PackageNotFoundError:
                found[name] = None
    return found


def tensorflow_features(work: Path, options: dict[str, Any]) -> dict[str, Any]:
    """tf.data reads and resizes in parallel; the network is one compiled function; the fastest setting."""
    import tensorflow as tf

    model = _backbone(options, (options["image_size"], options["image_size"], 3))

    def build(*, batch: int, xla: bool) -> Pass:
        compiled = tf.function(lambda images: model(images, training=False), jit_compile=xla)
        plain = tf.function(lambda images: model(images, training=False), reduce_retracing=True)

        def run(count: int) -> np.ndarray:
            data = (
                _resized(work, options, slice(0, count)).map(_normal).batch(batch).prefetch(tf.data.AUTOTUNE)
            )
            # XLA compiles for every shape anew: a last, smaller batch takes the other function.
            return np.concatenate(
                [(compiled if len(images) == batch else plain)(images).numpy() for images in data]
            )

        return run

    return _fastest_features(
        work, options, build, combinations(batch=(8, 32), xla=(False, True)), "tensorflow"
    )


def keras_torch_features(work: Path, options: dict[str, Any]) -> dict[str, Any]:
    """Keras on torch: a DataLoader with torchvision's decoder and uint8 resize; channels first, as torch."""
    import keras
    import torch

    keras.config.set_image_data_format("channels_first")
    model = _backbone(options, (3, options["image_size"], options["image_size"]))

    def build(*, batch: int, workers: int) -> Pass:
        def run(count: int) -> np.ndarray:
            files = _Files(paths_of(work)[:count], options["image_size"])
            loader = torch.utils.data.DataLoader(files, batch_size=batch, num_workers=workers)
            with torch.inference_mode():
                return np.concatenate(
                    [model(_torch_normal(images), training=False).numpy() for images in loader]
                )

        return run

    return _fastest_features(work, options, build, combinations(batch=(8, 32), workers=(0, 2)), "keras-torch")


def keras_tensorflow_epochs(work: Path, options: dict[str, Any]) -> dict[str, Any]:
    """`fit` on tf.data that keeps the resized pixels; with or without XLA, whichever is faster."""
    import keras
    import tensorflow as tf

    side, batch = options["image_size"], options["batch"]

    def data(part: slice, *, learning: bool) -> Any:
        kept = _resized(work, options, part, labelled=True, rounded=True).cache()
        if learning:
            kept = kept.shuffle(options["count"], seed=0)
        kept = kept.batch(batch)
        if learning and options["augmented"]:
            kept = kept.map(lambda images, truth: (_variants(tf.cast(images, tf.float32)), truth))
        return kept.map(lambda images, truth: (_normal(images), truth)).prefetch(tf.data.AUTOTUNE)

    layers = keras.layers
    _variants = keras.Sequential(
        [
            layers.RandomFlip(),
            layers.RandomRotation(0.5),
            layers.RandomZoom(0.1),
            layers.RandomBrightness(0.12),
            layers.RandomContrast(0.15),
        ]
    )
    count, learning, watching = options["count"], slice(0, options["count"]), slice(options["count"], None)

    def built(*, xla: bool) -> Any:
        model = _classifier(options, (side, side, 3))
        _compile(model, jit_compile=xla)
        return model

    def seconds(said: dict[str, Any]) -> float:
        model, few = built(**said), data(slice(0, min(count, 2 * batch)), learning=False)
        model.fit(few, verbose=0)
        start = time.perf_counter()
        model.fit(few, verbose=0)
        return time.perf_counter() - start

    said = options.get("tuning") or fastest(combinations(xla=(False, True)), seconds)
    model = built(**said)
    model.fit(data(slice(0, batch), learning=False), verbose=0)  # compiled before the clock starts
    moments = [Moment.now()]
    model.fit(
        data(learning, learning=True),
        validation_data=data(watching, learning=False),
        epochs=options["epochs"],
        verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: moments.append(Moment.now()))],
    )
    return {"epochs": epochs_of(moments), "peak_mib": peak_mebibytes(), "tuning": said}


def keras_torch_epochs(work: Path, options: dict[str, Any]) -> dict[str, Any]:
    """`fit` on torch, from pixels that are kept resized."""
    import keras
    import torch

    keras.config.set_image_data_format("channels_first")
    side, count = options["image_size"], options["count"]
    model = _classifier(options, (3, side, side))
    _compile(model, jit_compile=False)
    files = _Files(paths_of(work), side)
    truth = np.arange(len(files), dtype=np.float32) % 2

    class Kept(torch.utils.data.Dataset):
        def __init__(self, part: slice) -> None:
            self.places = list(range(len(files)))[part]
            self.kept: dict[int, Any] = {}

        def __len__(self) -> int:
            return len(self.places)

        def __getitem__(self, at: int) -> tuple[Any, Any]:
            place = self.places[at]
            if place not in self.kept:
                self.kept[place] = files[place]
            return self.kept[place], truth[place, None]

        def __getitems__(self, places: list[int]) -> list[tuple[Any, Any]]:
            return [self[at] for at in places]

    def collate(rows: list[tuple[Any, Any]]) -> tuple[Any, Any]:
        images, labels = zip(*rows, strict=True)
        return _torch_normal(torch.stack(images)), torch.from_numpy(np.stack(labels))

    def loader(part: slice, *, shuffled: bool) -> Any:
        return torch.utils.data.DataLoader(
            Kept(part), batch_size=options["batch"], shuffle=shuffled, collate_fn=collate
        )

    model.fit(loader(slice(0, options["batch"]), shuffled=False), verbose=0)
    moments = [Moment.now()]
    model.fit(
        loader(slice(0, count), shuffled=True),
        validation_data=loader(slice(count, None), shuffled=False),
        epochs=options["epochs"],
        verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: moments.append(Moment.now()))],
    )
    return {"epochs": epochs_of(moments), "peak_mib": peak_mebibytes(), "tuning": {}}


class _Files:
    """JPEG files as uint8 [3, side, side], by torchvision."""

    def __init__(self, paths: list[Path], side: int) -> None:
        self.paths, self.side = paths, side

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, at: int) -> Any:
        from torchvision.io import ImageReadMode, decode_jpeg, read_file
        from torchvision.transforms.v2 import functional as change

        pixels = decode_jpeg(read_file(str(self.paths[at])), mode=ImageReadMode.RGB)
        return change.resize(pixels, [self.side, self.side], antialias=True)


def _fastest_features(
    work: Path,
    options: dict[str, Any],
    build: Callable[..., Pass],
    settings: list[dict[str, Any]],
    name: str,
) -> dict[str, Any]:
    """Race under the setting that was fastest on some of the images; its compiled functions are kept."""
    tried = min(options["count"], TRIED_IMAGES)
    runs: dict[str, Pass] = {}
    if options.get("tuning"):
        settings = [options["tuning"]]

    def seconds(said: dict[str, Any]) -> float:
        runs[json.dumps(said)] = run = build(**said)
        run(min(tried, said["batch"]))
        run(FIRST)
        start = time.perf_counter()
        run(tried)
        return time.perf_counter() - start

    said = fastest(settings, seconds)
    return {**race(runs[json.dumps(said)], options["count"], out=work / f"{name}.npy"), "tuning": said}


def _resized(
    work: Path, options: dict[str, Any], part: slice, *, labelled: bool = False, rounded: bool = False
) -> Any:
    """tf.data of resized images, as floats 0..255 or rounded to uint8; labelled, with a made truth."""
    import tensorflow as tf

    side = [options["image_size"], options["image_size"]]

    def read(path: Any) -> Any:
        pixels = tf.image.resize(tf.io.decode_jpeg(tf.io.read_file(path), channels=3), side, antialias=True)
        return tf.cast(tf.round(pixels), tf.uint8) if rounded else pixels

    paths = [str(path) for path in paths_of(work)]
    data = tf.data.Dataset.from_tensor_slices(paths[part]).map(read, num_parallel_calls=tf.data.AUTOTUNE)
    if not labelled:
        return data
    truth = (np.arange(len(paths), dtype=np.float32) % 2)[part, None]
    return tf.data.Dataset.zip((data, tf.data.Dataset.from_tensor_slices(truth)))


def _normal(images: Any) -> Any:
    import tensorflow as tf

    return tf.cast(images, tf.float32) / 127.5 - 1.0


def _torch_normal(images: Any) -> Any:
    import torch

    return (images.float() / 127.5 - 1.0).to(memory_format=torch.channels_last)


def _backbone(options: dict[str, Any], shape: tuple[int, int, int]) -> Any:
    import keras

    build = getattr(keras.applications, KERAS_NAMES[options["backbone"]])
    return build(weights=None, include_top=False, pooling="avg", input_shape=shape)


def _classifier(options: dict[str, Any], shape: tuple[int, int, int]) -> Any:
    """The whole network trains; batch normalisation keeps its statistics, as ours does."""
    import keras

    base = _backbone(options, shape)
    inputs = keras.Input(shape)
    return keras.Model(inputs, keras.layers.Dense(1)(base(inputs, training=False)))


def _compile(model: Any, *, jit_compile: bool) -> None:
    import keras

    model.compile(
        optimizer=keras.optimizers.AdamW(3e-5, weight_decay=0.01, global_clipnorm=2.0),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        jit_compile=jit_compile,
    )


if __name__ == "__main__":
    main()
