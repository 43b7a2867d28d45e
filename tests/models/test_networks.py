"""What PyTorch models share. PyTorch's `meta` device stands in for one that is not the CPU."""

from __future__ import annotations

import pytest

from effkit.models import networks


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
