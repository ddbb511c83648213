"""What can be said about training a reader: the `[reader]` table of a study."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Phase = Literal["head", "fine-tune"]
Auto = Literal["auto"]
MetadataColumn = Literal["age", "sex", "site", "view", "device", "source"]
"""What is known of a patient or a picture before anyone reads it."""
TREE_HEADS = ("random-forest", "gradient-boosting", "xgboost")


class FineTuneSettings(BaseModel):
    """Phase three: the reconnected network is trained as a whole, or its top blocks are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: Auto | Annotated[int, Field(ge=1, le=1000)] = Field(
        default="auto", description="at most this many passes over train"
    )
    patience: Auto | Annotated[int, Field(ge=1)] = Field(
        default="auto", description="epochs without a lower loss on tune before stopping"
    )
    batch_size: Auto | Annotated[int, Field(ge=2, le=1024)] = "auto"
    learning_rate: Literal["auto", "find"] | Annotated[float, Field(gt=0, le=1)] = Field(
        default="auto", description="of the head; blocks below get less"
    )
    layer_decay: Auto | Annotated[float, Field(gt=0, le=1)] = Field(
        default="auto", description="each block's rate as a share of the block above it"
    )
    head_rate: float = Field(default=1.0, gt=0, le=10, description="the head's rate as a share")
    weight_decay: Auto | Annotated[float, Field(ge=0, le=1)] = "auto"
    blocks: Literal["all"] | Annotated[int, Field(ge=1)] = Field(
        default="all", description='"all", or how many blocks from the top are trained'
    )
    freeze_batch_norm: Literal["auto", "yes", "no"] = Field(
        default="auto", description='"auto": frozen below 2,000 images of train'
    )
    mix: Literal["auto", "none", "mixup", "cutmix", "both"] = Field(
        default="auto", description="images of a batch are blended, or patches of them exchanged"
    )
    label_smoothing: Auto | Annotated[float, Field(ge=0, lt=0.5)] = Field(
        default="auto", description="how far the targets are drawn towards undecided"
    )
    ema: Auto | Annotated[float, Field(ge=0, lt=1)] = Field(
        default="auto", description="decay of the running mean of weights that is kept; 0: none"
    )
    ensemble: Auto | Annotated[int, Field(ge=1, le=10)] = Field(
        default="auto", description="networks, each trained without one fold of patients and averaged"
    )
    processes: int = Field(
        default=1, ge=1, le=1024, description="that train together, each on its share of every batch"
    )


class ReaderSettings(BaseModel):
    """How a cohort becomes a reader.

    Attributes:
        backbone: Any timm name, or "small" for Overread's own network for images of 28 to 64 pixels; "auto"
            takes the architecture of a `local-dir:` folder, else MobileNetV2.
        weights: "imagenet" (timm's own, from the hub or its local cache), "local-dir:FOLDER" in timm's
            layout, the path of a .safetensors file, or "none" for random weights.
        image_size: Side of the network's square input in pixels; "auto" chooses by backbone and weights.
        more_sizes: Further sides, in pixels, at which the same network looks at the same image; the
            features of all sizes are joined.
        views: How many mirrored and turned views of an image are read and averaged: 1, 2 (mirrored left to
            right), 4 (mirrored both ways) or 8 (turned by quarters as well).
        metadata: Columns of the cohort that join the image's features: "age", "sex", "site", …
        resize: "squash" shows the whole image, "crop" keeps its proportions and cuts the longer side.
        features: "stages" describes an image by the means of all stages of the network, "last" by its last
            feature map alone.
        head: "linear" (logistic regression), "mlp" (one hidden layer with dropout); or, each tuned over a
            small grid, "logistic", "random-forest", "gradient-boosting" or "xgboost". Fine-tuning starts from
            a linear head where the head is of trees, through which no gradient passes.
        reduce: What a tuned head is given: "none" all features, "pca" their principal components, "select"
            those that tell the classes apart best.
        fit_on: Who fits "logistic", "random-forest", "gradient-boosting" and "xgboost": "local" scikit-learn
            or XGBoost in this process, "spark" Spark ML on the engine's cluster.
        folds: The head is fitted this many times, leaving out one fold of patients each time.
        imbalance: What is done about rare classes, see `overread.training.imbalance.Imbalance`; "upsample"
            adds varied copies of their images to train.
        focal_gamma: How little well-read images count with "focal" (Lin et al. 2017).
        upsample_share: With "upsample", what share of train each class shall have at least.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    backbone: str = "auto"
    weights: str = "imagenet"
    image_size: Literal["auto"] | int = "auto"
    more_sizes: tuple[Annotated[int, Field(ge=28, le=2048)], ...] = Field(default=(), max_length=3)
    views: Literal[1, 2, 4, 8] = 1
    metadata: tuple[MetadataColumn, ...] = ()
    resize: Literal["squash", "crop"] = "squash"
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"
    features: Literal["stages", "last"] = "stages"
    head: Literal["linear", "mlp", "logistic", "random-forest", "gradient-boosting", "xgboost"] = "linear"
    reduce: Literal["none", "pca", "select"] = "none"
    fit_on: Literal["local", "spark"] = "local"
    phases: tuple[Phase, ...] = ("head", "fine-tune")
    folds: int = Field(default=5, ge=2, le=20)
    augmentation: Literal["auto", "none", "dermoscopy", "chest", "ct"] = "auto"
    imbalance: Literal["none", "class-weights", "balanced-sampling", "focal", "upsample"] = "class-weights"
    focal_gamma: float = Field(default=2.0, ge=0, le=10)
    upsample_share: Literal["equal"] | Annotated[float, Field(gt=0, lt=1)] = "equal"
    fine_tune: FineTuneSettings = FineTuneSettings()

    @field_validator("phases", mode="before")
    @classmethod
    def _reconnection_is_implied(cls, said: Any) -> Any:
        # It lies between the two others and has no setting: naming it is right and changes nothing.
        named = tuple(said) if isinstance(said, list | tuple) else said
        return ("head", "fine-tune") if named == ("head", "reconnect", "fine-tune") else said

    @model_validator(mode="after")
    def _check(self) -> ReaderSettings:
        if self.phases not in (("head",), ("head", "fine-tune")):
            raise ValueError(
                f'phases: expected ["head"] or ["head", "fine-tune"], got {list(self.phases)};'
                " fine-tuning starts from a trained head"
            )
        if self.reduce != "none" and self.head in ("linear", "mlp"):
            raise ValueError(
                f'reduce: expected "none" for the head "{self.head}", got "{self.reduce}";'
                ' head = "logistic" is the linear head on fewer features'
            )
        if self.fit_on == "spark" and self.head in ("linear", "mlp"):
            raise ValueError(
                f'fit_on: expected "local" for the head "{self.head}", got "spark";'
                ' head = "logistic" is the linear head that Spark ML fits'
            )
        if self.imbalance == "focal" and self.fit_on == "spark":
            raise ValueError(
                'imbalance: expected "none", "class-weights", "balanced-sampling" or "upsample" with fit_on ='
                ' "spark", got "focal"; Spark ML has no such loss'
            )
        if self.imbalance == "focal" and self.head in TREE_HEADS:
            raise ValueError(
                f'imbalance: expected "none", "class-weights", "balanced-sampling" or "upsample" for the head'
                f' "{self.head}", got "focal"; trees grow by a loss of their own'
            )
        if len(set(self.metadata)) != len(self.metadata):
            raise ValueError(f"metadata: expected different columns, got {list(self.metadata)}")
        if self.image_size != "auto" and not 28 <= self.image_size <= 2048:
            raise ValueError(f'image_size: expected "auto" or 28 to 2048 pixels, got {self.image_size}')
        return self
