"""The usual way to compute features on Spark: a pandas UDF round Pillow, torchvision and timm.

It follows the published reference for inference on images with PyTorch (Databricks, "Perform distributed
inference using pandas UDF"): a scalar iterator UDF that opens the model once a task, a DataLoader over the
encoded images of an Arrow batch, `array<float>` back, Parquet out. `plain` is that as it stands there;
`tuned` is the same by someone who measures.
"""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from timing import combinations

PLAIN = {"records": 1024, "batch": 64, "threads": 1, "tuned": False, "split": "repartition"}
"""As published: Arrow batches of up to 1,024 rows, images shuffled into 16 partitions, DataLoader of 64."""

TUNED = combinations(
    records=(16, 64), batch=(8, 16), threads=(1,), tuned=(True,), split=("parquet", "binaryFile")
)
"""What is tried: rows of an Arrow batch, images of a forward pass, and where the images come from."""


def conf_of(said: dict[str, Any]) -> dict[str, str]:
    """The settings of Spark that a variant asks for, beside those that ours has too."""
    return {
        "spark.sql.execution.arrow.maxRecordsPerBatch": str(said["records"]),
        # Several tasks a core, so that none is left waiting for the last one.
        "spark.sql.files.maxPartitionBytes": str(8 * 2**20 if said["tuned"] else 128 * 2**20),
        "spark.executorEnv.OMP_NUM_THREADS": str(said["threads"]),
    }


def features_job(session: Any, work: Path, said: dict[str, Any]) -> Callable[[int], Path]:
    """A function that computes features of the first so many images, and returns the folder of Parquet.

    Args:
        session: Of Spark, with `conf_of(said)`.
        work: The benchmark's folder: `images`, `images.parquet`, `first.parquet`, `model.safetensors`.
        said: `PLAIN`, or one of `TUNED`.
    """
    from pyspark.sql import functions as column
    from timing import FIRST

    udf = featurize_udf(session, work, said)
    fresh = itertools.count()

    def run(count: int) -> Path:
        for name, value in conf_of(said).items():
            if name.startswith("spark.sql."):
                session.conf.set(name, value)
        if said["split"] == "binaryFile":
            files = sorted((work / "images").iterdir())[:count]
            # A glob would name all of them; a few are named one by one.
            named = str(work / "images") if count > FIRST else [str(path) for path in files]
            images = session.read.format("binaryFile").load(named)
            name = column.regexp_extract("path", r"(\d+)\.jpg$", 1).alias("image_id")
        else:
            table = work / ("first.parquet" if count == FIRST else "images.parquet")
            images, name = session.read.parquet(str(table)), column.col("image_id")
        if said["split"] == "repartition":
            images = images.repartition(16)
        out = work / f"usual-{'tuned' if said['tuned'] else 'plain'}-{next(fresh)}"
        features = images.select(name, udf("content").alias("features"))
        features.write.mode("overwrite").parquet(str(out))
        return out

    return run


def featurize_udf(session: Any, work: Path, said: dict[str, Any]) -> Any:
    """`content` → `array<float>`; the weights are broadcast."""
    from pyspark.sql.functions import pandas_udf
    from safetensors.torch import load_file

    spec = json.loads((work / "spec.json").read_text("utf-8"))
    weights = session.sparkContext.broadcast(load_file(work / "model.safetensors"))
    build = tuned_features if said["tuned"] else plain_features

    # Types are said apart: in a module with postponed annotations pyspark cannot read them.
    def featurize(contents: Iterator[Any]) -> Iterator[Any]:
        import pandas
        import timm
        import torch

        torch.set_num_threads(said["threads"])
        model = timm.create_model(spec["backbone"], pretrained=False, num_classes=0)
        model.load_state_dict(weights.value)
        features_of = build(model.eval(), spec, said)
        for series in contents:
            yield pandas.Series([row for batch in features_of(list(series)) for row in batch])

    import pandas

    featurize.__annotations__ = {"contents": Iterator[pandas.Series], "return": Iterator[pandas.Series]}
    return pandas_udf("array<float>")(featurize)


def plain_features(
    model: Any, spec: dict[str, Any], said: dict[str, Any]
) -> Callable[[list[bytes]], Iterator[Any]]:
    """Pillow, torchvision's transforms, a DataLoader in the task's own process, `no_grad`."""
    import torch
    from PIL import Image
    from torch.utils.data import DataLoader, Dataset
    from torchvision import transforms

    change = transforms.Compose(
        [
            transforms.Resize((spec["size"], spec["size"]), antialias=True),
            transforms.ToTensor(),
            transforms.Normalize(spec["mean"], spec["std"]),
        ]
    )

    class Contents(Dataset[torch.Tensor]):
        def __init__(self, contents: list[bytes]) -> None:
            self.contents = contents

        def __len__(self) -> int:
            return len(self.contents)

        def __getitem__(self, at: int) -> torch.Tensor:
            return change(Image.open(io.BytesIO(self.contents[at])).convert("RGB"))

    def features_of(contents: list[bytes]) -> Iterator[Any]:
        with torch.no_grad():
            for batch in DataLoader(Contents(contents), batch_size=said["batch"]):
                yield model(batch).numpy()

    return features_of


def tuned_features(
    model: Any, spec: dict[str, Any], said: dict[str, Any]
) -> Callable[[list[bytes]], Iterator[Any]]:
    """JPEG decoder and resize on uint8 of torchvision, `channels_last`, `inference_mode`."""
    import numpy as np
    import torch
    from torchvision.io import ImageReadMode, decode_jpeg
    from torchvision.transforms.v2 import functional as change

    model = model.to(memory_format=torch.channels_last)
    scale = torch.tensor(spec["std"]).view(1, 3, 1, 1) * 255
    shift = torch.tensor(spec["mean"]).view(1, 3, 1, 1) * 255
    side = [spec["size"], spec["size"]]

    def pixels_of(content: bytes) -> torch.Tensor:
        encoded = torch.from_numpy(np.frombuffer(content, np.uint8).copy())
        return change.resize(decode_jpeg(encoded, mode=ImageReadMode.RGB), side, antialias=True)

    def features_of(contents: list[bytes]) -> Iterator[Any]:
        with torch.inference_mode():
            for start in range(0, len(contents), said["batch"]):
                batch = torch.stack([pixels_of(one) for one in contents[start : start + said["batch"]]])
                normal = ((batch.float() - shift) / scale).to(memory_format=torch.channels_last)
                yield model(normal).numpy()

    return features_of
