"""What is cut out of a network, and the network that is read again afterwards."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from effkit.models import networks, surgery
from effkit.spec import SpecError

TEXTS = ["red dress", "a long loose warm shirt", "blue"]


def opened(folder: Path) -> Any:
    return surgery.open_sentences(folder)


def answers(network: Any) -> torch.Tensor:
    with torch.inference_mode():
        embedded: torch.Tensor = network(network.preprocess(TEXTS))["sentence_embedding"]
        return embedded


def test_fewer_layers_are_evenly_spaced_and_kept_in_order() -> None:
    from types import SimpleNamespace

    from transformers import BertConfig, BertModel

    size = {"hidden_size": 8, "num_attention_heads": 1, "intermediate_size": 8, "num_hidden_layers": 6}
    for keep, expected in ((1, [0]), (2, [0, 5]), (3, [0, 2, 5])):
        transformer = BertModel(BertConfig(vocab_size=8, **size))
        before = list(transformer.encoder.layer)
        surgery.keep_layers([SimpleNamespace(auto_model=transformer)], {"keep": keep})
        assert [before.index(layer) for layer in transformer.encoder.layer] == expected
        assert transformer.config.num_hidden_layers == keep
    with pytest.raises(SpecError, match=r"keep 6, and this encoder has 6 layers: keep fewer"):
        surgery.keep_layers([SimpleNamespace(auto_model=BertModel(BertConfig(vocab_size=8, **size)))], {"keep": 6})


@pytest.mark.parametrize(
    "cuts",
    [
        [("neurons", {"keep": 0.5})],
        [("heads", {"keep": 0.5})],
        [("heads", {"keep": 0.25}), ("neurons", {"keep": 0.3}), ("layers", {"keep": 1})],
        [("sparse", {"zero": 0.5})],
    ],
)  # fmt: skip
def test_what_was_cut_is_read_again_as_it_was(cuts: list[Any], tiny_bert: Path, tmp_path: Path) -> None:
    network, whole = opened(tiny_bert), opened(tiny_bert)
    for name, step in cuts:
        surgery.CUTS[name](network, step)
    surgery.save_sentences(network, tmp_path)
    again = opened(tmp_path)
    assert torch.allclose(answers(network), answers(again), atol=1e-6)
    assert not torch.allclose(answers(network), answers(whole), atol=1e-3)
    assert networks.parameters(again) == networks.parameters(network)


def test_cutting_takes_the_weakest_and_as_many_in_every_layer(tiny_bert: Path) -> None:
    network = opened(tiny_bert)
    layers = network[0].auto_model.encoder.layer
    with torch.no_grad():
        for layer in layers:
            layer.intermediate.dense.weight[3::4] *= 100
            layer.attention.self.value.weight[8:16] *= 100  # the second head of four
            layer.attention.self.value.weight[24:] *= 50  # and the fourth
    strong = [layer.attention.self.value.weight[8:16].clone() for layer in layers]
    surgery.keep_neurons(network, {"keep": 0.25})
    surgery.keep_heads(network, {"keep": 0.5})
    for layer, head in zip(layers, strong, strict=True):
        assert layer.intermediate.dense.weight.shape == (16, 32) and layer.output.dense.weight.shape == (32, 16)
        assert float(layer.intermediate.dense.weight.detach().abs().mean()) > 10
        assert layer.attention.self.num_attention_heads == 2
        assert torch.equal(layer.attention.self.value.weight[:8], head)


def test_heads_are_cut_where_the_network_lies() -> None:
    from types import SimpleNamespace

    from transformers import BertConfig, BertModel

    size = {"hidden_size": 8, "num_attention_heads": 4, "intermediate_size": 8, "num_hidden_layers": 1}
    transformer = BertModel(BertConfig(vocab_size=8, **size)).to("meta")  # which stands in for a GPU
    surgery.keep_heads([SimpleNamespace(auto_model=transformer)], {"keep": 0.5})
    assert transformer.encoder.layer[0].attention.self.value.weight.shape == (4, 8)


def test_zeros_save_no_parameter_and_are_as_many_as_asked(tiny_bert: Path) -> None:
    network = opened(tiny_bert)
    before = networks.parameters(network)
    surgery.set_to_zero(network, {"zero": 0.75})
    weight = network[0].auto_model.encoder.layer[0].intermediate.dense.weight
    assert float((weight == 0).float().mean()) == pytest.approx(0.75, abs=0.01)
    assert networks.parameters(network) == before


def test_heads_of_another_kind_of_attention_are_refused() -> None:
    from types import SimpleNamespace

    from transformers import MPNetConfig, MPNetModel

    size = {"hidden_size": 8, "num_attention_heads": 2, "intermediate_size": 8, "num_hidden_layers": 1}
    network = [SimpleNamespace(auto_model=MPNetModel(MPNetConfig(vocab_size=8, **size)))]
    surgery.keep_neurons(network, {"keep": 0.5})
    with pytest.raises(SpecError, match=r"knows the attention of BERT's kind"):
        surgery.keep_heads(network, {"keep": 0.5})


def test_weights_are_read_from_safetensors_whatever_the_folder_says(tiny_bert: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_bert, folder)
    path = folder / "sentence_bert_config.json"
    said = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**said, "model_kwargs": {"use_safetensors": False, "weights_only": False}}))
    index = {"metadata": {}, "weight_map": {"embeddings.word_embeddings.weight": "weights.txt"}}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index), encoding="utf-8")
    (folder / "weights.txt").write_bytes(pickle.dumps("what would be unpickled"))
    assert torch.allclose(answers(opened(folder)), answers(opened(tiny_bert)))
    (folder / "model.safetensors").unlink()
    with pytest.raises(OSError, match=r"model\.safetensors"):
        opened(folder)


@pytest.mark.parametrize("name", ["layers", "neurons", "heads", "sparse"])
def test_an_encoder_that_keeps_its_layers_elsewhere_is_refused_in_words(name: str) -> None:
    from types import SimpleNamespace

    network = [SimpleNamespace(auto_model=torch.nn.Linear(2, 2))]
    with pytest.raises(SpecError, match=r"^Linear does not keep its layers where BERT does.*leave `layers`.*out"):
        surgery.CUTS[name](network, {"keep": 0.5, "zero": 0.5})


def test_what_was_taught_is_saved_wherever_its_layers_are(tmp_path: Path) -> None:
    from types import SimpleNamespace

    class Taught(list[Any]):
        def save(self, path: str, create_model_card: bool) -> None:
            Path(path, "saved").touch()

    config = SimpleNamespace(num_attention_heads=2)
    network: Any = Taught([SimpleNamespace(auto_model=SimpleNamespace(config=config))])
    surgery.save_sentences(network, tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["saved"]
