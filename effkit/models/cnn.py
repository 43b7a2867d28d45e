"""A small convolutional network, trained here on the task's own images: on their labels, or on a teacher's answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from effkit.models import networks
from effkit.models.base import Facts, Recipe, predict_in_batches
from effkit.models.images import ImageInput
from effkit.models.products import Products
from effkit.models.teaching import lesson
from effkit.spec import SpecError
from effkit.tasks.base import Task

if TYPE_CHECKING:
    from torch import Tensor, nn

WEIGHTS, DESCRIPTION = "network.safetensors", "network.json"
SHIFT = 1 / 8
"""Most that a training image is moved to each side, as a share of its width."""
WARM_UP = 0.2
"""Share of the steps over which the rate rises."""


def libraries(recipe: Recipe) -> tuple[str, ...]:
    """Name what a fresh worker must import before it can load this model."""
    return ("torch", "PIL.Image", "safetensors.torch")


class CnnPredictor:
    """The trained network and how it wants its images."""

    def __init__(self, network: nn.Module, images: ImageInput) -> None:
        self.network = network
        self._images = images

    def prepare(self, items: list[bytes]) -> Tensor:
        """Decode, resize where needed and normalise."""
        return self._images.prepare(items)

    def infer(self, prepared: Tensor) -> NDArray[np.float32]:
        """Return (n, classes) probabilities."""
        import torch

        with torch.inference_mode():
            return networks.to_array(self.network(networks.on_device(prepared)).softmax(dim=1))


def network(channels: list[int], classes: int) -> nn.Module:
    """Build the network: a stage for each number of channels, each at half the resolution of the one before."""
    from torch import nn

    layers: list[nn.Module] = []
    for stage, (inside, out) in enumerate(pairwise([3, *channels])):
        layers += [nn.MaxPool2d(2)] if stage else []
        layers += [nn.Conv2d(inside, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels[-1], classes))


def make(recipe: Recipe, task: Task, products: Products) -> Path:
    """Train the network with the recipe's seed."""
    if recipe.kind != "classification":
        raise SpecError(f"{recipe.model} cannot do {recipe.kind}; it classifies images.")
    chosen, wanted = _lesson(recipe, task, products)

    def write(folder: Path) -> None:
        from safetensors.torch import save_file

        networks.use_threads()
        images = ImageInput.of(recipe.settings)
        trained = _train(images, images.pixels(task.items.take(chosen)), wanted, len(task.classes), recipe)
        save_file(trained.state_dict(), folder / WEIGHTS)
        (folder / DESCRIPTION).write_text(json.dumps({"classes": len(task.classes)}), encoding="utf-8")

    key = recipe.key(task.sha256, *networks.device_key())
    return products.make(key, "train the network", len(chosen), write)


def load(recipe: Recipe, folder: Path) -> CnnPredictor:
    """Load the network that `make` left in `folder`."""
    from safetensors.torch import load_file

    networks.use_threads()
    classes = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))["classes"]
    trained = network(list(recipe.settings["channels"]), classes)
    trained.load_state_dict(load_file(folder / WEIGHTS))
    return CnnPredictor(networks.on_device(trained.eval()), ImageInput.of(recipe.settings))


def facts(predictor: CnnPredictor, item: bytes, folder: Path) -> Facts:
    """Count the network; `item` is the image whose operations are counted."""
    return Facts(
        parameters=networks.parameters(predictor.network),
        tensor_bytes=networks.tensor_bytes(predictor.network),
        weight_bytes=(folder / WEIGHTS).stat().st_size,
        flops=networks.flops(lambda: predictor.network(networks.on_device(predictor.prepare([item])))),
    )


def predict(recipe: Recipe, folder: Path, task: Task, indices: NDArray[np.int64], products: Products) -> NDArray[Any]:
    """Return class probabilities in the order of `indices`."""
    return predict_in_batches(load(recipe, folder), task.items, indices)


def _lesson(recipe: Recipe, task: Task, products: Products) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Which items the network learns from, and what: their (n,) labels, or a teacher's (n, classes) answers."""
    if "distil" in recipe.settings:
        chosen, said = lesson(recipe, recipe.settings["distil"], task, products)
        return chosen, said.astype(np.float32)
    chosen = task.first("fit", recipe.fit_items)
    return chosen, np.asarray(task.labels[chosen], dtype=np.int64)


def _temperature(recipe: Recipe) -> float:
    """By which the network's own shares are flattened, as its teacher's are."""
    asked = recipe.settings.get("distil", {})
    return float(asked["temperature"]) if asked.get("labels") == "soft" else 1.0


def _train(
    images: ImageInput, pixels: NDArray[np.uint8], wanted: NDArray[Any], classes: int, recipe: Recipe
) -> nn.Module:
    """Train with AdamW under a rate that rises and then falls as a cosine; everything random is seeded.

    What is drawn is drawn on the CPU, so that another device sees the same images in the same order.
    """
    import torch
    from torch.nn.functional import cross_entropy

    settings: Mapping[str, Any] = recipe.settings
    inputs, targets, temperature = images.tensor(pixels), torch.from_numpy(wanted), _temperature(recipe)
    batch, epochs = int(settings["batch_size"]), int(settings["epochs"])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        model: nn.Module = networks.on_device(network(list(settings["channels"]), classes)).train()
        optimiser = torch.optim.AdamW(
            model.parameters(), lr=settings["learning_rate"], weight_decay=settings["weight_decay"]
        )
        steps = epochs * -(-len(inputs) // batch)
        rate = networks.rising_then_falling(optimiser, settings["learning_rate"], steps, WARM_UP)
        for _ in range(epochs):
            for rows in torch.split(torch.randperm(len(inputs)), batch):
                varied = _vary(inputs[rows], flip=bool(settings.get("flip", False)))
                scores = model(networks.on_device(varied)) / temperature
                loss = cross_entropy(scores, networks.on_device(targets[rows]))
                optimiser.zero_grad()
                torch.autograd.backward(loss * temperature**2)
                optimiser.step()
                rate.step()
    return model.cpu()


def _vary(images: Tensor, *, flip: bool) -> Tensor:
    """Mirror half of the images, and move each by up to a share of its width, filling with its mean colour."""
    import torch
    from torch.nn.functional import pad

    count, _, height, width = images.shape
    reach = round(SHIFT * width)
    if flip:
        images = torch.where(torch.rand(count, 1, 1, 1) < 0.5, images.flip(3), images)
    moved = torch.randint(0, 2 * reach + 1, (2, count))
    rows = moved[0, :, None] + torch.arange(height)
    columns = moved[1, :, None] + torch.arange(width)
    padded = pad(images, (reach,) * 4)
    each = torch.arange(count)[:, None, None]
    return padded.permute(0, 2, 3, 1)[each, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2).contiguous()
