"""Where a backbone's weights come from, and what to bring where they cannot be had."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overread.errors import BackboneError

if TYPE_CHECKING:
    from torch import nn

DEFAULT_BACKBONE = "mobilenetv2_100"
SMALL_BACKBONE = "overread_small"
"""What the study's `backbone = "small"` is called in timm's registry."""
LARGEST_SMALL_SIDE = 64
"""Images whose longer side has at most so many pixels show ImageNet's networks next to nothing."""
HUB_TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True)
class OpenedWeights:
    """A network's name and the file of its weights on this machine.

    Attributes:
        name: The timm name.
        file: A safetensors file; None for random weights.
        config: What the source says of the input's mean, standard deviation and size.
    """

    name: str
    file: Path | None
    config: Mapping[str, Any]


def find_weights(
    name: str, weights: str, *, base: Path | None = None, image_side: int | None = None
) -> OpenedWeights:
    """Resolve `[reader] backbone` and `weights`; fetches only where "imagenet" was asked for by name.

    Args:
        name: A timm name; "small": Overread's own network, for which there are no ImageNet weights; or
            "auto": the architecture of a local-dir, else "small" where the images are, else MobileNetV2.
        weights: "imagenet", "local-dir:FOLDER", a .safetensors path, or "none".
        base: Folder to which relative paths refer; None: the working folder.
        image_side: The usual longer side of the cohort's images, pixels; None: unknown.

    Raises:
        BackboneError: The name is unknown, or the weights are not to be had.
    """
    base = base or Path()
    few_pixels = image_side is not None and image_side <= LARGEST_SMALL_SIDE
    if name == "auto" and few_pixels and weights in ("imagenet", "none"):
        name = "small"
    if name in ("small", SMALL_BACKBONE):
        name, weights = SMALL_BACKBONE, "none" if weights == "imagenet" else weights
    if weights.startswith("local-dir:"):
        return _from_folder(name, base / weights.removeprefix("local-dir:"))
    architecture = _current_name(DEFAULT_BACKBONE if name == "auto" else name)
    network_config(architecture)
    if weights == "none":
        return OpenedWeights(architecture, None, {})
    if weights == "imagenet":
        return OpenedWeights(architecture, _from_hub(architecture), {})
    file = base / weights
    if file.suffix != ".safetensors":
        raise BackboneError(
            f'expected "imagenet", "local-dir:FOLDER", a .safetensors file or "none", got "{weights}"',
            where="reader.weights",
            todo="pickled checkpoints (.bin, .pth) are not opened, since they can execute code: "
            "convert them with safetensors",
        )
    if not file.is_file():
        raise BackboneError(
            "there is no such file", where=f"weights '{file}'", todo=_bring(architecture, file.name)
        )
    return OpenedWeights(architecture, file, {})


def name_of_weights(weights: str) -> str:
    """What a bundle says of its first weights: a bundle travels, so without this machine's folders.

    Example:
        >>> name_of_weights("local-dir:/home/a/mobilenetv2_100"), name_of_weights("imagenet")
        ('local-dir:mobilenetv2_100', 'imagenet')
    """
    prefix = "local-dir:" if weights.startswith("local-dir:") else ""
    return prefix + Path(weights.removeprefix(prefix)).name


def network_config(architecture: str) -> dict[str, Any]:
    """What timm knows of a network: input size, mean, standard deviation, hub repository.

    Raises:
        BackboneError: timm knows no such network; the nearest names are given.
    """
    import timm

    if architecture == SMALL_BACKBONE:
        import_module("overread.training.small_network")  # which registers it
    bare, _, tag = architecture.partition(".")
    if not timm.is_model(bare):
        near = difflib.get_close_matches(architecture, timm.list_models(), n=3, cutoff=0.5)
        raise BackboneError(
            "timm knows no network of this name",
            where=f"backbone '{architecture}'",
            todo=f"did you mean {' or '.join(near)}?" if near else "see timm.list_models()",
        )
    try:
        config = timm.get_pretrained_cfg(architecture)
    except RuntimeError as error:
        tags = [name.partition(".")[2] for name in timm.list_pretrained(f"{bare}.*")]
        raise BackboneError(
            f"timm knows no weights '{tag}' of '{bare}'",
            where=f"backbone '{architecture}'",
            todo=f"choose among {', '.join(tags)}" if tags else f"write '{bare}' alone",
        ) from error
    return dict(vars(config)) if config is not None else {}


def _current_name(architecture: str) -> str:
    """What timm calls a network today: "xception" of old studies is "legacy_xception"."""
    from timm.models import get_deprecated_models

    return get_deprecated_models().get(architecture) or architecture


def load_weights(network: nn.Module, opened: OpenedWeights) -> str:
    """Load weights strictly, all but the classifier that was cut off; return the file's SHA-256.

    Raises:
        BackboneError: The file is not whole; or a tensor is missing, has another shape, or belongs to a
            deeper network of the same family.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    assert opened.file is not None
    where = f"weights '{opened.file}'"
    content = opened.file.read_bytes()
    try:
        brought = load(content)
    except SafetensorError as error:
        raise BackboneError(
            f"not a whole safetensors file ({error})", where=where, todo="bring it again"
        ) from error
    own = network.state_dict()
    missing = [k for k in own if k not in brought and not k.endswith("num_batches_tracked")]
    unlike = [k for k in own if k in brought and brought[k].shape != own[k].shape]
    surplus = _surplus(network, set(brought), opened.name)
    if missing or unlike or surplus:
        if surplus and not missing and not unlike:
            example = f"'{surplus[0]}' has no place in it"
        elif unlike:
            key = unlike[0]
            example = f"'{key}' is {tuple(brought[key].shape)}, expected {tuple(own[key].shape)}"
        else:
            example = f"'{missing[0]}' is missing"
        raise BackboneError(
            f"{len(missing) + len(unlike) + len(surplus)} tensors do not fit '{opened.name}': {example}",
            where=where,
            todo="set the backbone from which these weights were saved, or bring others",
        )
    network.load_state_dict({k: brought[k] for k in own if k in brought}, strict=False)
    return hashlib.sha256(content).hexdigest()


def _surplus(network: nn.Module, brought: set[str], name: str) -> list[str]:
    """Tensors inside parts that the network has, without a place there: the file is of a deeper network.

    Those of the classifier and of whole parts that the network lacks (auxiliary heads) were cut off.
    """
    classifier = network_config(name).get("classifier") or ()
    cut = (classifier,) if isinstance(classifier, str) else tuple(classifier)
    known = {key for key, _ in network.named_parameters()} | {key for key, _ in network.named_buffers()}
    parts = {key.split(".")[0] for key in known}
    return sorted(
        key
        for key in brought - known
        if key.split(".")[0] in parts
        and not key.endswith("num_batches_tracked")
        and not any(key.startswith(f"{head}.") for head in cut)
    )


def _from_folder(name: str, folder: Path) -> OpenedWeights:
    where = f"weights '{folder}'"
    config_file, file = folder / "config.json", folder / "model.safetensors"
    for needed in (config_file, file):
        if not needed.is_file():
            raise BackboneError(
                f"{needed.name} is missing",
                where=where,
                todo="a local-dir holds config.json and model.safetensors as timm writes them",
            )
    try:
        config = json.loads(config_file.read_text("utf-8"))
        architecture = _current_name(str(config["architecture"]))
        # timm's older layout has the input's settings beside the architecture.
        said = dict(config.get("pretrained_cfg") or config)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackboneError(
            "config.json names no architecture",
            where=where,
            todo="bring the config.json that timm wrote beside the weights",
        ) from error
    if name != "auto" and _current_name(name) != architecture:
        raise BackboneError(
            f"the folder holds weights of '{architecture}', the study asks for '{name}'",
            where=where,
            todo=f'set backbone = "{architecture}" or bring the weights of {name}',
        )
    network_config(architecture)
    return OpenedWeights(architecture, file, said)


def _from_hub(architecture: str) -> Path:
    """The file of timm's default weights: from the hub's cache on this machine, else from the hub."""
    import huggingface_hub as hub

    repository = network_config(architecture).get("hf_hub_id")
    if not repository:
        raise BackboneError(
            "timm publishes no weights of this network as safetensors",
            where=f"backbone '{architecture}'",
            todo='choose another backbone, bring a .safetensors file, or set weights = "none"',
        )
    cached = hub.try_to_load_from_cache(repository, "model.safetensors")
    if isinstance(cached, str):
        return Path(cached)
    try:
        # One short question first: the hub's own client would retry for most of a minute.
        hub.get_hf_file_metadata(hub.hf_hub_url(repository, "model.safetensors"), timeout=HUB_TIMEOUT_SECONDS)
        return Path(hub.hf_hub_download(repository, "model.safetensors"))
    except Exception as error:
        raise BackboneError(
            "the weights are not on this machine and the model hub cannot be reached",
            where=f"backbone '{architecture}', weights 'imagenet'",
            todo=_bring(architecture, f"{architecture}.safetensors"),
        ) from error


def _bring(architecture: str, file: str) -> str:
    """What to do where weights cannot be fetched: which file, from where, to where."""
    repository = network_config(architecture).get("hf_hub_id") or f"timm/{architecture}"
    return (
        f"on a machine with internet save model.safetensors of the hub repository '{repository}', "
        f"put it beside the study as '{file}' and set weights = \"{file}\""
    )
