from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch import nn

from overread.bundle.manifest import MetadataField
from overread.imaging import Preprocess
from overread.training.late_join import StackedHead, join_late
from overread.training.metadata import Metadata
from overread.training.metadata_encoder import MetadataEncoder, beside
from overread.training.network import LinearHead, ReaderNetwork
from overread.training.novelty import fit_density
from overread.training.reader import HeldOut, LabelledRows, TrainedReader
from tests.training.made import SIZE, tiny_backbone

COUNT = 200
TUNE = np.arange(COUNT // 2, COUNT)


def made(
    *, helps: bool = True, head: str = "linear"
) -> tuple[TrainedReader, TrainedReader, LabelledRows, Metadata]:
    """A fine-tuned reader, a head's with metadata, rows and metadata: image and age tell half each."""
    rng = np.random.default_rng(3)
    ill = rng.integers(0, 2, COUNT)
    rows = LabelledRows(
        ids=[str(at) for at in range(COUNT)],
        targets=ill[:, None].astype(float),
        groups=np.arange(COUNT),
        split=np.array(["train"] * (COUNT // 2) + ["tune"] * (COUNT // 2)),
    )
    age = (50 + 16 * ill + rng.normal(0, 8, COUNT)).astype(np.float32)
    age[::9] = np.nan
    known = age[~np.isnan(age)]
    encoder = MetadataEncoder([0], [known.mean(keepdims=True)], [float(known.std())]).eval()
    metadata = Metadata((MetadataField(name="age", kind="number"),), encoder, age[:, None])
    backbone = tiny_backbone()
    inner: nn.Module = LinearHead(rng.normal(0, 1, (1, backbone.channels)), np.ones(1))
    if head == "other":
        inner = nn.Sequential(inner, nn.Tanh())
    of_image = (2 * ill - 1 + rng.normal(0, 1, COUNT))[:, None]
    weak = (0.3 * (2 * ill - 1) + rng.normal(0, 1, COUNT))[:, None]

    def reader(logits: np.ndarray, chosen: np.ndarray, **changes: Any) -> TrainedReader:
        held_out = HeldOut(logits[chosen], rows.targets[chosen], rows.groups[chosen], "tune", "tune")
        given: dict[str, Any] = {
            "network": ReaderNetwork(backbone, inner),
            "preprocess": Preprocess(size=SIZE),
            "task": "binary",
            "held_out": held_out,
            "density": fit_density(rng.normal(size=(30, backbone.channels))),
            "novelty_threshold": 3.0,
            "phases": ("head",),
            "history": [{"phase": "head", "epoch": 0, "kept": True}],
            "notes": ["of the head"],
            "facts": {"backbone": "tiny"},
        }
        return TrainedReader(**{**given, **changes})

    tuned = reader(
        of_image if helps else weak,
        TUNE,
        phases=("head", "fine-tune"),
        history=[{"phase": "head", "kept": False}, {"phase": "fine-tune", "kept": True}],
        notes=["Fine-tuning improved the reader on tune (against one without).", "of the network"],
    )
    plain = reader(weak if helps else of_image, np.arange(COUNT), metadata=metadata.fields)
    return tuned, plain, rows, metadata


def join(
    tuned: TrainedReader, reader: TrainedReader, rows: LabelledRows, metadata: Metadata
) -> TrainedReader:
    return join_late(tuned, reader, rows, metadata, folds=4, seed=0)


def auc(reader: TrainedReader) -> float:
    return float(roc_auc_score(reader.held_out.targets[:, 0], reader.held_out.logits[:, 0]))


def test_image_and_metadata_together_tell_more_than_the_image() -> None:
    tuned, reader, rows, metadata = made()
    joined = join(tuned, reader, rows, metadata)
    assert joined.phases == ("head", "fine-tune")
    assert joined.metadata == metadata.fields
    assert auc(joined) > auc(tuned) + 0.01
    assert len(joined.held_out.logits) == len(TUNE)
    assert "blind to its patient" in joined.held_out.described
    assert [note for note in joined.notes if note.startswith("Fine-tuning")] != []
    assert not any("against one without" in note for note in joined.notes)
    assert "of the network" in joined.notes


@pytest.mark.parametrize("head", ["linear", "other"])
def test_joint_head_says_what_it_was_fitted_to_say(head: str) -> None:
    tuned, reader, rows, metadata = made(head=head)
    joined = join(tuned, reader, rows, metadata)
    assert isinstance(joined.network.head, LinearHead if head == "linear" else StackedHead)
    images = torch.randn(4, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    raw = torch.tensor([[30.0], [60.0], [float("nan")], [90.0]])
    with torch.no_grad():
        said = tuned.network(images)
        features = tuned.network.backbone.pooled(tuned.network.backbone(images))
        whole = joined.network(images, raw)
        # What the joint head adds for metadata hangs on them alone, and what it makes of the image on that.
        zeros = beside(torch.zeros_like(features), joined.network.encoder, raw)
        of_zero = tuned.network.head(torch.zeros_like(features))
        slope = (whole - joined.network.head(zeros)) / (said - of_zero)
    np.testing.assert_allclose(slope, slope.mean().expand(4, 1), rtol=2e-3)
    assert float(slope.mean()) > 0
    order = np.argsort((whole - slope * said)[[0, 1, 3], 0].numpy())
    assert order.tolist() == [0, 1, 2]  # the older, the likelier


def test_head_with_metadata_is_kept_where_the_network_is_no_better() -> None:
    tuned, reader, rows, metadata = made(helps=False)
    kept = join(tuned, reader, rows, metadata)
    assert kept.network is reader.network
    assert kept.held_out is reader.held_out
    assert kept.phases == ("head",)
    assert [row["kept"] for row in kept.history] == [True, False]
    assert any("the head's reader was kept" in note for note in kept.notes)


def test_fine_tuning_that_helped_nothing_is_told_and_not_joined() -> None:
    tuned, reader, rows, metadata = made()
    given_up = replace(tuned, phases=("head",), notes=["Fine-tuning was worse than the head alone."])
    kept = join(given_up, reader, rows, metadata)
    assert kept.network is reader.network
    assert kept.notes == ["of the head", "Fine-tuning was worse than the head alone."]


def test_too_few_patients_to_join_keep_the_head() -> None:
    tuned, reader, rows, metadata = made()
    few = replace(rows, groups=np.where(rows.targets[:, 0] == 1, 0, rows.groups + 1))
    kept = join(tuned, reader, few, metadata)
    assert kept.network is reader.network
    assert "Too few patients" in kept.notes[-1]
