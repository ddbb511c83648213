from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file

from overread.errors import BackboneError
from overread.training.backbones import open_backbone
from overread.training.weights import find_weights, network_config
from tests.training.made import same_weights


def folder(path: Path, architecture: str = "test_resnet", **config: Any) -> Path:
    """A local-dir as timm writes it, classifier and all."""
    path.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(11)
    save_file(timm.create_model(architecture).state_dict(), path / "model.safetensors")
    said = {"architecture": architecture, "pretrained_cfg": {"mean": [0.1, 0.1, 0.1]}, **config}
    (path / "config.json").write_text(json.dumps(said))
    return path


def load(name: str, weights: str, base: Path) -> Any:
    return open_backbone(find_weights(name, weights, base=base), image_size=64, taps="last", seed=0)


def refusal(name: str, weights: str, base: Path) -> str:
    with pytest.raises(BackboneError) as raised:
        load(name, weights, base)
    message = str(raised.value)
    assert "\n" not in message
    return message


def test_a_local_dir_gives_architecture_weights_and_mean(tmp_path: Path) -> None:
    folder(tmp_path / "net")
    opened = load("auto", "local-dir:net", tmp_path)
    torch.manual_seed(11)
    whole = timm.create_model("test_resnet")
    whole.reset_classifier(0)
    assert opened.name == "test_resnet"
    assert opened.pretrained
    assert opened.mean == (0.1, 0.1, 0.1)
    assert len(opened.weights_sha256) == 64
    assert same_weights(opened.module.network, whole)


def test_timms_older_config_is_read_as_well(tmp_path: Path) -> None:
    folder(tmp_path / "net")
    (tmp_path / "net" / "config.json").write_text('{"architecture": "test_resnet", "mean": [0.2, 0.2, 0.2]}')
    assert load("auto", "local-dir:net", tmp_path).mean == (0.2, 0.2, 0.2)


def test_a_safetensors_file_beside_the_study_is_loaded(tmp_path: Path) -> None:
    (folder(tmp_path) / "model.safetensors").rename(tmp_path / "mine.safetensors")
    assert load("test_resnet", "mine.safetensors", tmp_path).pretrained


def test_no_weights_are_random_and_say_so(tmp_path: Path) -> None:
    opened = load("test_resnet", "none", tmp_path)
    assert not opened.pretrained
    assert opened.weights_sha256 == ""


def test_a_local_dir_of_another_architecture_is_refused(tmp_path: Path) -> None:
    folder(tmp_path / "net")
    message = refusal("resnet18", "local-dir:net", tmp_path)
    assert "holds weights of 'test_resnet', the study asks for 'resnet18'" in message
    assert 'set backbone = "test_resnet"' in message


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors"])
def test_an_incomplete_local_dir_names_what_is_missing(missing: str, tmp_path: Path) -> None:
    (folder(tmp_path / "net") / missing).unlink()
    assert f"{missing} is missing" in refusal("auto", "local-dir:net", tmp_path)


@pytest.mark.parametrize("config", ["{", "[]", "{}", "3", '{"architecture": "x", "pretrained_cfg": 3}'])
def test_a_config_that_says_nothing_is_refused(config: str, tmp_path: Path) -> None:
    (folder(tmp_path / "net") / "config.json").write_text(config)
    assert "config.json names no architecture" in refusal("auto", "local-dir:net", tmp_path)


def test_tensors_of_another_width_are_refused_with_an_example(tmp_path: Path) -> None:
    folder(tmp_path / "net", "test_efficientnet")
    (tmp_path / "net" / "model.safetensors").rename(tmp_path / "x.safetensors")
    message = refusal("test_resnet", "x.safetensors", tmp_path)
    assert "do not fit 'test_resnet'" in message
    state = timm.create_model("test_resnet").state_dict()
    state["conv1.0.weight"] = torch.zeros(1, 2, 3, 4)
    save_file(state, tmp_path / "y.safetensors")
    assert "'conv1.0.weight' is (1, 2, 3, 4), expected" in refusal("test_resnet", "y.safetensors", tmp_path)


def test_weights_of_a_deeper_network_of_the_family_are_refused(tmp_path: Path) -> None:
    state = timm.create_model("test_resnet").state_dict()
    state["layer1.1.conv1.weight"] = state["layer1.0.conv1.weight"].clone()
    save_file(state, tmp_path / "deep.safetensors")
    message = refusal("test_resnet", "deep.safetensors", tmp_path)
    assert "'layer1.1.conv1.weight' has no place in it" in message


def test_an_auxiliary_head_of_the_published_weights_is_left_out(tmp_path: Path) -> None:
    state = timm.create_model("test_resnet").state_dict()
    state["AuxLogits.conv0.weight"] = torch.zeros(2)
    save_file(state, tmp_path / "aux.safetensors")
    assert load("test_resnet", "aux.safetensors", tmp_path).pretrained


@pytest.mark.parametrize("kept", [0, 5, 200, 20_000])
def test_a_truncated_file_is_refused(kept: int, tmp_path: Path) -> None:
    file = folder(tmp_path) / "model.safetensors"
    file.write_bytes(file.read_bytes()[:kept])
    assert "not a whole safetensors file" in refusal("test_resnet", "model.safetensors", tmp_path)


@pytest.mark.parametrize("name", ["net.pth", "net.bin", "net.pt", "net.ckpt"])
def test_a_pickled_checkpoint_is_refused_unopened(name: str, tmp_path: Path) -> None:
    torch.save({}, tmp_path / name)
    message = refusal("test_resnet", name, tmp_path)
    assert "they can execute code" in message
    assert name in message


def test_a_pickle_named_safetensors_is_refused(tmp_path: Path) -> None:
    torch.save({}, tmp_path / "net.safetensors")
    assert "not a whole safetensors file" in refusal("test_resnet", "net.safetensors", tmp_path)


def test_a_missing_file_says_which_to_bring(tmp_path: Path) -> None:
    message = refusal("mobilenetv2_100", "mine.safetensors", tmp_path)
    assert "there is no such file" in message
    assert "timm/mobilenetv2_100" in message
    assert 'weights = "mine.safetensors"' in message


def test_an_unknown_backbone_names_the_nearest(tmp_path: Path) -> None:
    message = refusal("mobilnetv2_100", "none", tmp_path)
    assert "backbone 'mobilnetv2_100'" in message
    assert "did you mean mobilenetv2_100" in message


def test_an_unknown_tag_of_a_known_backbone_names_the_known_ones(tmp_path: Path) -> None:
    message = refusal("resnet18.imagnet", "none", tmp_path)
    assert "no weights 'imagnet' of 'resnet18'" in message
    assert "a1_in1k" in message


def test_imagenet_weights_offline_say_which_file_to_bring(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_: None)
    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", unreachable)
    message = refusal("mobilenetv2_100", "imagenet", tmp_path)
    repository = network_config("mobilenetv2_100")["hf_hub_id"]
    assert "the model hub cannot be reached" in message
    assert f"save model.safetensors of the hub repository '{repository}'" in message
    assert 'weights = "mobilenetv2_100.safetensors"' in message


def test_imagenet_weights_in_the_hubs_cache_need_no_network(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cached = folder(tmp_path) / "model.safetensors"
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_: str(cached))
    assert find_weights("test_resnet", "imagenet").file == cached


def test_a_network_without_published_weights_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    message = refusal("resnet10t_nothing", "imagenet", tmp_path)
    assert "timm knows no network" in message
    monkeypatch.setattr("overread.training.weights.network_config", lambda _: {})
    with pytest.raises(BackboneError, match="publishes no weights"):
        find_weights("test_resnet", "imagenet")


@pytest.mark.parametrize(
    ("name", "weights", "side", "chosen"),
    [
        ("auto", "imagenet", 28, "overread_small"),
        ("auto", "none", 64, "overread_small"),
        ("auto", "none", 65, "mobilenetv2_100"),
        ("auto", "none", None, "mobilenetv2_100"),
        ("small", "imagenet", 600, "overread_small"),
        ("test_resnet", "none", 28, "test_resnet"),
    ],
)
def test_images_of_few_pixels_get_the_small_network_which_needs_no_hub(
    name: str, weights: str, side: int | None, chosen: str
) -> None:
    found = find_weights(name, weights, image_side=side)
    assert (found.name, found.file) == (chosen, None)


def test_small_images_do_not_overrule_weights_that_the_study_brings(tmp_path: Path) -> None:
    folder(tmp_path / "net")
    assert find_weights("auto", "local-dir:net", base=tmp_path, image_side=28).name == "test_resnet"


def test_a_transformer_takes_its_weights_at_another_size_by_interpolating_positions(tmp_path: Path) -> None:
    own = timm.create_model("test_vit")
    folder(tmp_path / "net", "test_vit", pretrained_cfg={"input_size": list(own.default_cfg["input_size"])})
    opened = find_weights("auto", "local-dir:net", base=tmp_path)
    side = own.default_cfg["input_size"][-1]
    large = open_backbone(opened, image_size=side, taps="last", seed=0).module.network
    small = open_backbone(opened, image_size=side // 2, taps="last", seed=0).module.network
    assert small.patch_embed.grid_size == tuple(edge // 2 for edge in large.patch_embed.grid_size)
    assert torch.equal(small.blocks[0].attn.qkv.weight, large.blocks[0].attn.qkv.weight)
    assert small.pos_embed.mean().item() == pytest.approx(large.pos_embed.mean().item(), abs=1e-3)


def test_other_weights_are_refused_at_any_size(tmp_path: Path) -> None:
    folder(tmp_path / "net", "test_resnet")
    (tmp_path / "net" / "model.safetensors").rename(tmp_path / "other.safetensors")
    assert "do not fit 'test_vit'" in refusal("test_vit", "other.safetensors", tmp_path)


def test_a_name_that_timm_gave_up_is_the_network_it_means(tmp_path: Path) -> None:
    assert find_weights("xception", "none").name == "legacy_xception"
    folder(tmp_path / "net")
    config = tmp_path / "net" / "config.json"
    config.write_text(json.dumps({"architecture": "xception"}))
    assert find_weights("legacy_xception", "local-dir:net", base=tmp_path).name == "legacy_xception"
