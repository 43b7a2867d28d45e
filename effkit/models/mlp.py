"""A multilayer perceptron on the columns of a table."""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from effkit.models import networks, selection, tabular, tabular_export
from effkit.models.base import Facts, Predictor, Recipe, predict_in_batches, weight_bytes
from effkit.models.columns import Columns, mean_and_scale, training_data
from effkit.models.products import Products
from effkit.models.tabular_graphs import INPUT, OPSET, OUTPUT
from effkit.tasks.base import Task

if TYPE_CHECKING:
    import torch

DEFAULTS: dict[str, Any] = {
    "hidden": [256, 128],
    "dropout": 0.1,
    "epochs": 15,
    "batch_size": 256,
    "learning_rate": 1e-3,
    "weight_decay": 1e-4,
}


def libraries(recipe: Recipe) -> tuple[str, ...]:
    """Name what a fresh worker must import before it can load this model."""
    return tabular_export.LIBRARIES if tabular_export.served(recipe) else ("torch", "safetensors.torch")


class MlpPredictor:
    """Encodes and standardises rows, then asks the network.

    Args:
        columns: as the training data had them.
        network: standardised rows to scores.
        scaling: `mean` and `scale` of the columns; of the target too where it is a number.
        classes: how many there are; 0 for regression.
    """

    def __init__(
        self, columns: Columns, network: torch.nn.Module, scaling: dict[str, NDArray[np.float32]], classes: int
    ) -> None:
        self.columns = columns
        self.network = network
        self.classes = classes
        self._mean, self._scale = scaling["mean"], scaling["scale"]
        self._target_mean, self._target_scale = scaling["target"].tolist()

    def prepare(self, items: list[Any]) -> torch.Tensor:
        """Encode and standardise rows; a missing value counts as the training data's mean."""
        import torch

        return torch.from_numpy(_standardise(self.columns.encode(items), self._mean, self._scale))

    def infer(self, prepared: torch.Tensor) -> NDArray[np.float32]:
        """Return probabilities or values."""
        import torch

        with torch.inference_mode():
            scores = self.network(networks.on_device(prepared))
            if self.classes:
                return networks.to_array(torch.softmax(scores, dim=1))
            return np.asarray(networks.to_array(scores[:, 0]) * self._target_scale + self._target_mean)

    def export(self, path: Path) -> None:
        """Write it as an ONNX graph, from encoded rows to answers."""
        import torch
        from torch import nn

        mean, scale = torch.from_numpy(self._mean), torch.from_numpy(self._scale)
        network = copy.deepcopy(self.network).cpu()  # the original stays where it is, to be compared with
        classes, target = self.classes, (self._target_scale, self._target_mean)

        class Whole(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.network = network

            def forward(self, rows: torch.Tensor) -> torch.Tensor:
                scores: torch.Tensor = self.network(torch.nan_to_num((rows.float() - mean) / scale))
                return torch.softmax(scores, dim=1) if classes else scores[:, 0] * target[0] + target[1]

        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the exporter's age; the graph's answers are compared
            torch.onnx.export(
                Whole().eval(),
                (torch.zeros(2, len(mean), dtype=torch.float64),),
                str(path),
                input_names=[INPUT],
                output_names=[OUTPUT],
                dynamic_axes={INPUT: {0: "items"}, OUTPUT: {0: "items"}},
                opset_version=OPSET,
                dynamo=False,  # its graphs are faster than the newer exporter's
            )


def make(recipe: Recipe, task: Task, products: Products) -> Path:
    """Train on the first `fit` items and return the product's folder; export it where that is asked."""
    trained = tabular_export.trained(recipe)
    kept = selection.kept(trained, task, products, make, load)
    key = trained.key(task.sha256, *networks.device_key())
    folder = products.make(key, f"train {recipe.model}", recipe.fit_items, partial(_train, trained, task, kept))
    if not tabular_export.served(recipe):
        return folder
    return tabular_export.make(recipe, task, products, partial(_original, folder))


def load(recipe: Recipe, folder: Path) -> Predictor:
    """Open what `make` wrote."""
    return tabular.load(recipe, folder) if tabular_export.served(recipe) else _network_of(folder)


def _network_of(folder: Path) -> MlpPredictor:
    from safetensors.numpy import load_file as load_arrays
    from safetensors.torch import load_file

    networks.use_threads()
    described = json.loads((folder / "network.json").read_text(encoding="utf-8"))
    network = _network(**described["network"])
    network.load_state_dict(load_file(folder / "model.safetensors"))
    network = networks.on_device(network.eval())
    columns = Columns(**described["columns"])
    return MlpPredictor(columns, network, load_arrays(folder / "scaling.safetensors"), described["classes"])


def _original(folder: Path) -> tabular_export.Original:
    predictor = _network_of(folder)
    counted = facts(predictor, None, folder)
    return tabular_export.Original(predictor, predictor.columns, counted, predictor.export)


def facts(predictor: MlpPredictor | tabular.TabularPredictor, item: Any, folder: Path) -> Facts:
    """Count weights; two operations for each weight of a matrix."""
    if isinstance(predictor, tabular.TabularPredictor):
        return tabular.facts(predictor, item, folder)
    network = predictor.network
    return Facts(
        parameters=networks.parameters(network),
        tensor_bytes=networks.tensor_bytes(network),
        weight_bytes=weight_bytes(folder),
        flops=2.0 * sum(each.numel() for each in network.parameters() if each.ndim == 2),
    )


def predict(recipe: Recipe, folder: Path, task: Task, indices: NDArray[np.int64], products: Products) -> NDArray[Any]:
    """Return the predictions for items of a task."""
    return predict_in_batches(load(recipe, folder), task.items, indices)


def _network(sizes: list[int], dropout: float) -> torch.nn.Module:
    from torch import nn

    layers: list[nn.Module] = []
    *hidden, last = pairwise(sizes)
    for size_in, size_out in hidden:
        layers += [nn.Linear(size_in, size_out), nn.ReLU(), nn.Dropout(dropout)]
    return nn.Sequential(*layers, nn.Linear(*last))


def _standardise(
    encoded: NDArray[np.float64], mean: NDArray[np.float32], scale: NDArray[np.float32]
) -> NDArray[np.float32]:
    standardised: NDArray[np.float32] = np.nan_to_num((encoded.astype(np.float32) - mean) / scale)
    return standardised


def _scaling(encoded: NDArray[np.float64], labels: NDArray[Any], classes: int) -> dict[str, NDArray[np.float32]]:
    mean, scale = mean_and_scale(encoded)
    target = np.array((0.0, 1.0) if classes else (labels.mean(), labels.std() or 1.0))
    return {
        "mean": mean.astype(np.float32),
        "scale": scale.astype(np.float32),
        "target": target.astype(np.float32),
    }


def _train(recipe: Recipe, task: Task, kept: Sequence[str] | None, folder: Path) -> None:
    import torch
    from safetensors.numpy import save_file as save_arrays
    from safetensors.torch import save_file

    settings = {**DEFAULTS, **recipe.settings}
    data = training_data(recipe, task, kept)
    columns, encoded, labels, classes = data.columns, data.encoded, data.labels, data.classes
    scaling = _scaling(encoded, labels, classes)
    inputs = torch.from_numpy(_standardise(encoded, scaling["mean"], scaling["scale"]))
    if classes:
        targets = torch.from_numpy(labels)
    else:
        mean, scale = scaling["target"].tolist()
        targets = torch.from_numpy(((labels - mean) / scale).astype(np.float32))[:, None]
    shape = {"sizes": [inputs.shape[1], *settings["hidden"], classes or 1], "dropout": settings["dropout"]}
    networks.use_threads()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        network = networks.on_device(_network(**shape))
        _descend(network, inputs, targets, settings)
    save_file(network.cpu().state_dict(), folder / "model.safetensors")
    save_arrays(scaling, folder / "scaling.safetensors")
    described = {"network": shape, "columns": columns.to_json(), "classes": classes}
    (folder / "network.json").write_text(json.dumps(described), encoding="utf-8")


def _descend(network: torch.nn.Module, inputs: torch.Tensor, targets: torch.Tensor, settings: dict[str, Any]) -> None:
    """AdamW with a learning rate that falls to zero along a cosine."""
    import torch
    from torch.nn import functional

    loss_of = functional.mse_loss if targets.is_floating_point() else functional.cross_entropy
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=settings["learning_rate"], weight_decay=settings["weight_decay"]
    )
    batches = -(-len(inputs) // settings["batch_size"])
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, settings["epochs"] * batches)
    network.train()
    for _ in range(settings["epochs"]):
        for batch in torch.split(torch.randperm(len(inputs)), settings["batch_size"]):
            optimiser.zero_grad()
            rows, wanted = networks.on_device(inputs[batch]), networks.on_device(targets[batch])
            torch.autograd.backward(loss_of(network(rows), wanted))
            optimiser.step()
            schedule.step()
