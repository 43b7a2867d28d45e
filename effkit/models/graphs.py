"""ONNX graphs of sentence encoders: export, INT8, and ONNX Runtime. Serving one loads no PyTorch."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from effkit.models import networks

if TYPE_CHECKING:
    from torch import Tensor

    from effkit.models.sentence import SentenceEncoder

GRAPH, TOKENIZER, FACTS = "model.onnx", "tokenizer.json", "encoder.json"
INPUTS, OUTPUT = ("input_ids", "attention_mask"), "sentence_embedding"
OPSET = 17
BATCH = 32


def export(encoder: SentenceEncoder, folder: Path) -> None:
    """Write an encoder as one graph, from tokens to the pooled embedding, with its tokeniser.

    Args:
        encoder: in 32 bits.
        folder: an empty one.
    """
    import torch

    class Whole(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = encoder.network

        def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
            embedded: Tensor = self.network(dict(zip(INPUTS, (input_ids, attention_mask), strict=True)))[OUTPUT]
            return embedded

    # Of two lengths, so that padding is part of what is traced.
    sample = encoder.network.preprocess(["a short text", "and a text that is a good deal longer than the other"])
    axes = {name: {0: "texts", 1: "tokens"} for name in INPUTS} | {OUTPUT: {0: "texts"}}
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracing warns of every shape it looks at; the tests compare what comes out
        torch.onnx.export(
            Whole().eval(),
            tuple(sample[name] for name in INPUTS),
            str(folder / GRAPH),
            input_names=list(INPUTS),
            output_names=[OUTPUT],
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,  # its graphs are faster than the newer exporter's, and written in a tenth of the time
        )
    tokeniser = encoder.network.tokenizer
    tokeniser.backend_tokenizer.save(str(folder / TOKENIZER))
    facts = {
        "parameters": networks.parameters(encoder.network),
        "tensor_bytes": _weights(folder / GRAPH),
        "max_tokens": encoder.network.max_seq_length,
        "pad_id": tokeniser.pad_token_id,
        "pad_token": tokeniser.pad_token,
        "integers": False,
    }
    (folder / FACTS).write_text(json.dumps(facts, indent=1), encoding="utf-8")


def quantise(exported: Path, folder: Path) -> None:
    """Write a graph's weights as 8-bit integers, one scale a channel; activations are quantised as they come.

    Args:
        exported: a folder that `export` wrote.
        folder: an empty one.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.shape_inference import quant_pre_process

    plain = folder / "plain.onnx"
    quant_pre_process(str(exported / GRAPH), str(plain), skip_symbolic_shape=True)
    quantize_dynamic(plain, folder / GRAPH, weight_type=QuantType.QInt8, per_channel=True)
    plain.unlink()
    shutil.copy(exported / TOKENIZER, folder)
    facts = json.loads((exported / FACTS).read_text(encoding="utf-8"))
    facts |= {"tensor_bytes": _weights(folder / GRAPH), "integers": True}
    (folder / FACTS).write_text(json.dumps(facts, indent=1), encoding="utf-8")


class OnnxEncoder:
    """Texts to embeddings by ONNX Runtime.

    Args:
        folder: that `export` or `quantise` wrote.
        settings: `max_tokens`, beyond which a text is cut.
        original: loads the PyTorch module that the graph was made from, on which operations are counted.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any], original: Callable[[], SentenceEncoder]) -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        self._facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        self._original = original
        self._tokeniser = Tokenizer.from_file(str(folder / TOKENIZER))
        self._tokeniser.enable_truncation(int(settings.get("max_tokens", self._facts["max_tokens"])))
        self._tokeniser.enable_padding(pad_id=self._facts["pad_id"], pad_token=self._facts["pad_token"])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = networks.threads()
        options.inter_op_num_threads = 1
        # Threads that wait by spinning would take the core from whoever is measured next.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(str(folder / GRAPH), options, providers=["CPUExecutionProvider"])

    @property
    def batch(self) -> int:
        """Items to embed together: one, where the scale of activations is the whole batch's."""
        return 1 if self._facts["integers"] else BATCH

    def size(self, item: str) -> int:
        """Return what the time of an item grows with, so that like items share a batch."""
        return len(item)

    def prepare(self, items: list[str]) -> dict[str, NDArray[np.int64]]:
        """Tokenise, cut and pad to the longest."""
        encoded = self._tokeniser.encode_batch(items)
        ids = np.array([each.ids for each in encoded], np.int64)
        return dict(zip(INPUTS, (ids, np.array([each.attention_mask for each in encoded], np.int64)), strict=True))

    def embed(self, prepared: dict[str, NDArray[np.int64]]) -> NDArray[np.float32]:
        """Return (n, dimensions) embeddings."""
        embedded: NDArray[np.float32] = self._session.run([OUTPUT], prepared)[0]
        return embedded

    def count(self) -> tuple[int, int]:
        """Count parameters, and bytes of the graph's weights."""
        return self._facts["parameters"], self._facts["tensor_bytes"]

    def flops(self, item: str) -> float | None:
        """Count operations of one text on the original; None for integers, which are no floating-point arithmetic."""
        return None if self._facts["integers"] else self._original().flops(item)


def _weights(graph: Path) -> int:
    """Bytes of a graph's constants."""
    import onnx

    stored = onnx.load(str(graph)).graph.initializer
    return int(sum(onnx.numpy_helper.to_array(each).nbytes for each in stored))
