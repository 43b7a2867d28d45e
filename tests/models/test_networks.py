"""What PyTorch models share. PyTorch's `meta` device stands in for one that is not the CPU."""

from __future__ import annotations

import pytest

from effkit.models import networks
from effkit.spec import SpecError


def test_on_the_cpu_nothing_is_moved_and_nothing_said_in_a_key() -> None:
    import torch

    tensor = torch.ones(2)
    assert networks.on_device(tensor) is tensor
    assert networks.to_array(tensor).tolist() == [1.0, 1.0]
    assert networks.device_key() == ()


def test_elsewhere_networks_tensors_and_mappings_of_tensors_are_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(networks, "DEVICE", "meta")
    assert networks.on_device(torch.ones(2)).device.type == "meta"
    assert networks.on_device(torch.nn.Linear(2, 2)).weight.device.type == "meta"
    moved = networks.on_device({"ids": torch.ones(2), "modality": "text"})
    assert moved["ids"].device.type == "meta" and moved["modality"] == "text"
    assert networks.device_key() == ("meta",)


def test_a_network_is_moved_once_and_then_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    moved: list[torch.nn.Module] = []

    def move(network: torch.nn.Module) -> torch.nn.Module:
        moved.append(network)
        return network

    def change(network: torch.nn.Module, kind: str) -> torch.nn.Module:
        assert moved == [network] and kind == "two-of-four"
        return network

    monkeypatch.setattr(networks, "on_device", move)
    monkeypatch.setattr(networks, "changed_on_gpu", change)
    network = torch.nn.Linear(4, 4)
    assert networks.made_ready(network, {"precision": "bfloat16", "on_gpu": "two-of-four"}) is network
    assert networks.made_ready(network, {}) is network and len(moved) == 2


def test_two_of_every_four_weights_go_from_a_layer_and_not_from_what_holds_one(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    class Dense(torch.nn.Module):
        """As Sentence Transformers ends some encoders: it tells its width, and its weights are a layer's inside."""

        def __init__(self) -> None:
            super().__init__()
            self.in_features = 8
            self.linear = torch.nn.Linear(8, 3)

    monkeypatch.setattr(torch.sparse, "to_sparse_semi_structured", lambda weight: weight)  # which takes a GPU
    changed = networks.changed_on_gpu(Dense(), "two-of-four")
    assert (changed.linear.weight == 0).sum(dim=1).tolist() == [4, 4, 4]


def test_an_activation_in_fp8_has_a_scale_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    pytest.importorskip("torchao")
    from torchao import quantization

    seen: list[object] = []
    monkeypatch.setattr(quantization, "quantize_", lambda network, configuration: seen.append(configuration))
    with pytest.raises(SpecError):  # of what this stand-in leaves as it is
        networks.changed_on_gpu(torch.nn.Linear(4, 4), "fp8")
    (configuration,) = seen
    assert configuration == quantization.Float8DynamicActivationFloat8WeightConfig(granularity=quantization.PerRow())


@pytest.mark.parametrize(("kind", "multiple"), [("fp8", 16), ("int4", 64)])
def test_a_network_in_which_nothing_can_be_changed_is_refused(
    kind: str, multiple: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    pytest.importorskip("torchao")
    from torchao import quantization

    monkeypatch.setattr(quantization, "quantize_", lambda network, configuration: None)  # as for widths that do not fit
    with pytest.raises(SpecError, match=rf"`{kind}` takes layers whose widths are multiples of {multiple}"):
        networks.changed_on_gpu(torch.nn.Linear(12, 12), kind)
