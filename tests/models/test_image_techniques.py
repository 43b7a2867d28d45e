"""What techniques make of an image encoder: the same answers, nearly, from less."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from effkit import catalogue
from effkit.models import Products, Recipe, channels, efficientnet, networks, squeezenet
from effkit.models import encoder as encoders
from effkit.models.encoder import EncoderPredictor
from effkit.spec import SpecError
from effkit.techniques import apply_chain, check
from tests.models.encoders import images, recipe_of

SIDE = 32
LITE = {"variant": "efficientnet-lite0", "mean": [127.0, 127.0, 127.0], "scale": 128.0}
Chain = list[tuple[str, dict[str, Any]]]
OPENVINO: Chain = [("openvino", {})]
INT8: Chain = [("int8", {"runtime": "openvino"})]
HALF: Chain = [("channels", {"keep": 0.5})]


@pytest.fixture(scope="module")
def lite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of EfficientNet-Lite0's architecture, with random weights."""
    import torch

    folder = tmp_path_factory.mktemp("lite")
    torch.manual_seed(0)
    network = efficientnet.network("efficientnet-lite0", SIDE)
    network.train()
    with torch.no_grad():
        for each in network.modules():
            if isinstance(each, torch.nn.BatchNorm2d):
                each.weight.uniform_(0.5, 1.5)  # so that channels differ in strength
                each.momentum = None  # so that a few batches settle the means, and images reach the last layer
        for _ in range(3):
            network(torch.randn(8, 3, SIDE, SIDE))
    torch.save(network.state_dict(), folder / "random.pth")
    return folder


def made(
    weights: Path, products: Products, chain: Chain, name: str = "vision.efficientnet_lite", count: int = 24
) -> tuple[Recipe, Path, EncoderPredictor]:
    settings = LITE if name == "vision.efficientnet_lite" else {"mean": [104.0, 117.0, 123.0], "scale": 64.0}
    recipe = apply_chain(recipe_of(weights, name, fit_items=12, resolution=SIDE, **settings), chain)
    folder = encoders.make(recipe, images(count), products)
    return recipe, folder, encoders.load(recipe, folder)


def embedded(predictor: EncoderPredictor, batch: int = 8) -> np.ndarray[Any, Any]:
    items = images().items[:16]
    parts = [items[start : start + batch] for start in range(0, len(items), batch)]
    return np.concatenate([predictor.encoder.embed(predictor.prepare(part)) for part in parts])


def likeness(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Cosines of what sets the embeddings apart: their mean taken off."""
    one, other = one - one.mean(axis=0), other - other.mean(axis=0)
    return np.asarray((one * other).sum(axis=1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1))


class TestGraphs:
    """What needs the extra `compress`."""

    @pytest.fixture(autouse=True)
    def _installed(self) -> None:
        for package in ("onnx", "onnxruntime", "openvino", "nncf"):
            pytest.importorskip(package)

    @pytest.mark.parametrize("chain", [[("onnx", {})], OPENVINO])
    def test_they_say_what_pytorch_says_in_batches_and_alone(self, chain: Chain, lite: Path, shared: Products) -> None:
        plain, graph = embedded(made(lite, shared, [])[2]), made(lite, shared, chain)[2]
        assert np.allclose(plain, embedded(graph), atol=1e-4)
        assert np.allclose(plain, embedded(graph, batch=1), atol=1e-4)

    def test_squeezenet_is_converted_then_exported(self, squeeze: Path, products: Products, shared: Products) -> None:
        plain = embedded(made(squeeze, shared, [], "vision.squeezenet")[2])
        graph = made(squeeze, products, OPENVINO, "vision.squeezenet")[2]
        assert np.allclose(plain, embedded(graph), atol=1e-3 * np.abs(plain).max())
        assert "convert the weights" in [each["step"] for each in products.used]

    def test_int8_is_close_smaller_and_counts_no_operations(self, squeeze: Path, shared: Products) -> None:
        plain, small = (made(squeeze, shared, chain, "vision.squeezenet") for chain in ([], INT8))
        assert likeness(embedded(plain[2]), embedded(small[2])).mean() > 0.8
        assert likeness(embedded(small[2]), embedded(small[2], batch=1)).min() > 0.999
        before, after = (encoders.facts(each[2], images().items[0], each[1]) for each in (plain, small))
        assert after.flops is None and before.tensor_bytes is not None and after.tensor_bytes is not None
        assert after.tensor_bytes < 0.5 * before.tensor_bytes

    def test_a_graph_is_for_one_resolution_and_exported_once(self, lite: Path, products: Products) -> None:
        for pixels, reused in ((40, False), (40, True), (48, False)):
            products.used.clear()
            made(lite, products, [("resolution", {"pixels": pixels}), ("onnx", {})])
            (export,) = [each for each in products.used if each["step"] == "export to ONNX"]
            assert export["reused"] == reused

    @pytest.mark.parametrize("chain", [[("onnx", {})], INT8])
    def test_serving_them_loads_no_pytorch(self, chain: Chain, lite: Path, shared: Products) -> None:
        recipe, folder, _ = made(lite, shared, chain)
        code = (
            "import json, sys; from importlib import import_module; from pathlib import Path\n"
            "from effkit.models import Recipe, builder\n"
            f"recipe = Recipe.from_json(json.loads({json.dumps(json.dumps(recipe.to_json(), default=dict))}))\n"
            "module = builder(recipe.builder); [import_module(name) for name in module.libraries(recipe)]\n"
            f"predictor = module.load(recipe, Path({str(folder)!r})); item = bytes.fromhex(input())\n"
            "answer = predictor.infer(predictor.prepare([item])); module.facts(predictor, item, Path('.'))\n"
            "print(answer.shape, 'torch' in sys.modules)"
        )
        image = images().items[0].hex()
        done = subprocess.run([sys.executable, "-c", code], input=image, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "(1, 2) False"

    def test_a_pruned_network_is_exported_in_its_shape(self, lite: Path, shared: Products) -> None:
        plain, graph = (made(lite, shared, [*HALF, *more]) for more in ([], OPENVINO))
        assert np.allclose(embedded(plain[2]), embedded(graph[2]), atol=1e-4)
        one, other = (encoders.facts(each[2], images().items[0], each[1]) for each in (plain, graph))
        assert one.flops == other.flops


def test_bf16_is_half_the_weights_and_nearly_the_same(lite: Path, shared: Products) -> None:
    plain, half = made(lite, shared, []), made(lite, shared, [("bf16", {})])
    assert likeness(embedded(plain[2]), embedded(half[2])).mean() > 0.9
    before, after = (encoders.facts(each[2], images().items[0], each[1]).tensor_bytes for each in (plain, half))
    assert before is not None and after is not None and after < 0.6 * before


def test_fewer_channels_are_what_is_stored_and_counted(lite: Path, shared: Products) -> None:
    facts = []
    for chain in ([], HALF):
        _, folder, predictor = made(lite, shared, chain)
        facts.append(encoders.facts(predictor, images().items[0], folder))
        assert embedded(predictor).shape == (16, 1280)
    for before, after in zip(*((each.parameters, each.weight_bytes, each.flops) for each in facts), strict=True):
        assert before is not None and after is not None and 0.4 * before < after < 0.85 * before


def test_channels_are_kept_by_strength_in_eights_and_the_first_block_stays() -> None:
    network: Any = efficientnet.network("efficientnet-lite0", SIDE)
    block = network._blocks[1]
    weak, width = 40, block._bn1.num_features
    block._bn1.weight.data[:weak] = 0.0
    first = network._blocks[0]._depthwise_conv.weight.shape
    strong = block._depthwise_conv.weight[weak:].clone()
    channels.keep_channels(network, {"keep": (width - weak) / width})
    assert network._blocks[0]._depthwise_conv.weight.shape == first
    assert block._depthwise_conv.weight.equal(strong)
    assert all(each._project_conv.in_channels % channels.TOGETHER == 0 for each in network._blocks)


def test_healing_brings_the_uncut_embeddings_nearer(lite: Path, products: Products) -> None:
    healing: Chain = [*HALF, ("heal", {"items": 100, "epochs": 8})]
    uncut, cut, healed = (embedded(made(lite, products, chain, count=200)[2]) for chain in ([], HALF, healing))
    assert likeness(uncut, healed).mean() > likeness(uncut, cut).mean() + 0.1
    (step,) = [each for each in products.used if each["step"].startswith("heal")]
    assert step["items"] == 100


def test_a_channel_that_its_shift_holds_at_0_goes_first() -> None:
    network: Any = efficientnet.network("efficientnet-lite0", SIDE)
    block = network._blocks[1]
    block._bn1.bias.data[:16] = -10.0
    loud = block._depthwise_conv.weight[16:].clone()
    channels.keep_channels(network, {"keep": 1 - 16 / block._bn1.num_features})
    assert block._depthwise_conv.weight.equal(loud)


def test_channels_of_a_cnn_that_is_trained_here_are_a_setting_instead() -> None:
    with pytest.raises(SpecError, match="needs no pruning: give it fewer `channels`"):
        check([("channels", {"keep": 0.5})], "vision", "vision.cnn")


def test_channels_are_cut_where_the_network_lies() -> None:
    network: Any = efficientnet.network("efficientnet-lite0", SIDE).to("meta")  # which stands in for a GPU
    before = network._blocks[1]._bn1.num_features
    channels.keep_channels(network, {"keep": 0.5})
    assert network._blocks[1]._bn1.num_features < before


@pytest.mark.parametrize("name", ["squeezenet-1.1", "efficientnet-lite0", "efficientnet-lite2"])
def test_the_catalogue_counts_networks_without_their_classifiers(name: str) -> None:
    entry = catalogue.models()[name]
    variant = entry.settings.get("variant")
    network = squeezenet.network() if variant is None else efficientnet.network(variant, SIDE)
    assert networks.parameters(network) == entry.parameters
