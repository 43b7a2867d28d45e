"""The worker: one process, one candidate, small requests over a pipe.

Run as `python -m effkit.bench.worker`. Requests and answers are JSON, one a line; between them the
process blocks on the pipe and burns nothing. Items are read from the task's memory-mapped files.
It ends when its pipe closes and, on Linux, when its parent does.
Each command imports what it needs: the time until the process says that it is there is measured too.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO

PR_SET_PDEATHSIG, SIGKILL = 1, 9
PREDICTIONS = "predictions.npy"


def die_with_parent(parent: int) -> None:
    """Ask the kernel to end this process when its parent ends (Linux)."""
    if sys.platform != "linux":
        return
    import ctypes

    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it ended before we asked
        os._exit(1)


class Worker:
    """Answers requests about one candidate. Every public method is a command of the pipe."""

    def __init__(self, requests: BufferedReader, answers: BinaryIO) -> None:
        self._requests = requests
        self._answers = answers
        self._state: dict[str, Any] = {}

    def serve(self) -> None:
        """Answer requests until the pipe closes. A failed request is an answer too."""
        for line in self._requests:
            request = json.loads(line)
            command = getattr(self, request.pop("command"))
            try:
                answer = command(**request)
            except Exception as error:  # whatever a model raises is that candidate's failure, not the study's
                last = traceback.extract_tb(error.__traceback__)[-1]
                message = str(error) or ("out of memory" if isinstance(error, MemoryError) else "no message")
                answer = {
                    "error": f"{type(error).__name__}: {message}",
                    "where": f"{Path(last.filename).name}:{last.lineno}",
                }
            self._send(answer)

    def _send(self, message: dict[str, Any]) -> None:
        self._answers.write(json.dumps(message).encode() + b"\n")
        self._answers.flush()

    def hello(self, cores: list[int], threads: int) -> dict[str, Any]:
        """Pin this process to its cores, all when there are none."""
        if cores and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, cores)
        self._state["threads"] = threads
        return {}

    def open(self, recipe: dict[str, Any], task: str, products: str) -> dict[str, Any]:
        """Import the candidate's libraries and open the task; `floor_bytes` is the memory until here."""
        from effkit.bench.memory import peak_bytes
        from effkit.models import Recipe, builder
        from effkit.tasks import Task

        start = time.perf_counter()
        opened = Recipe.from_json(recipe)
        module = builder(opened.builder)
        for library in module.libraries(opened):
            import_module(library)
        device = self._device()  # raises, in words, where it cannot be had
        torch = sys.modules.get("torch")
        if torch is not None and self._state["threads"]:
            torch.set_num_threads(self._state["threads"])  # environment variables do not reach all of it
        device.bring_up()  # a context takes a second and hundreds of megabytes, which are no model's own
        import_s = time.perf_counter() - start
        self._state |= {"recipe": opened, "module": module, "task": Task.load(Path(task)), "products": Path(products)}
        return {"import_s": import_s, "floor_bytes": peak_bytes()}

    def make(self, seed: int) -> dict[str, Any]:
        """Train or embed what the candidate needs, or find it in the cache."""
        products = self._products()
        recipe = self._seeded(seed)
        folder = self._state["module"].make(recipe, self._state["task"], products)
        # What was asked for again has cost nothing more.
        once: dict[str, dict[str, Any]] = {}
        for step in products.used:
            once.setdefault(step["product"], step)
        return {"folder": str(folder), "making": list(once.values())}

    def predict(self, seed: int, folder: str, indices: str, out: str) -> dict[str, Any]:
        """Predict the test items for quality, with all cores, and write them to `out` (.npy)."""
        import numpy as np

        from effkit.models.products import Products, unmetered

        wanted, task = np.load(indices), self._state["task"]
        recipe, inner = self._seeded(seed), self._products()

        def write(place: Path) -> None:
            found = self._state["module"].predict(recipe, Path(folder), task, wanted, inner)
            if len(found) != len(wanted):
                raise ValueError(f"{len(wanted)} items gave {len(found)} predictions; one for each item is needed")
            np.save(place / PREDICTIONS, found)

        # What is embedded on the way is metered there, and windows do not nest. A function of the user's
        # own may answer differently tomorrow: its predictions, a cascade's too, go with the scratch folder.
        builders = {each.builder for each in (recipe, *recipe.stages)}
        kept = Products(Path(out).parent if "own" in builders else self._state["products"], unmetered)
        key = recipe.key("predictions", Path(folder).name, task.sha256, wanted.tolist())
        stored = kept.make(key, "predict the test items", len(wanted), write) / PREDICTIONS
        shutil.copyfile(stored, out)
        return {"response_bytes": _response_bytes(np.load(stored))}

    def load(self, folder: str) -> dict[str, Any]:
        """Load the made model, as a fresh server would."""
        self._device().reset_peak()
        start = time.perf_counter()
        model = self._state["module"].load(self._state["recipe"], Path(folder))
        device = self._device()  # looked up anew: a user's own model may have brought PyTorch with it
        device.synchronise()
        load_s = time.perf_counter() - start
        self._state |= {"model": model, "predictor": device.awaited(model)}
        return {"load_s": load_s}

    def facts(self, folder: str, items: list[int]) -> dict[str, Any]:
        """Count what can be counted on the loaded model, operations over these items."""
        from dataclasses import asdict

        from effkit.models.base import over_items

        sample = self._state["task"].items.take(items)
        module, model = self._state["module"], self._state["model"]
        return asdict(over_items([module.facts(model, item, Path(folder)) for item in sample]))

    def stages(self, folder: str, indices: str, out: str, items: list[int]) -> dict[str, Any]:
        """Write what every stage of a cascade says of the test items (.npy), and tell how it was set up."""
        from dataclasses import asdict

        import numpy as np

        from effkit.models.base import over_items

        module, task = self._state["module"], self._state["task"]
        recipe, place = self._state["recipe"], Path(folder)
        np.save(out, module.stage_answers(recipe, place, task, np.load(indices), self._products()))
        each_item = [module.counts(self._state["model"], item) for item in task.items.take(items)]
        facts = [asdict(over_items(of_stage)) for of_stage in zip(*each_item, strict=True)]
        return {"facts": facts, "setup": module.read_setup(place)}

    def warm_up(self, items: list[int], protocol: dict[str, Any]) -> dict[str, Any]:
        """Call until steady; the first call's time is reported apart, the GPU and the threads that it has by now."""
        from effkit.bench.latency import warm_up
        from effkit.spec import Protocol

        sample = self._state["task"].items.take(items)
        warm = warm_up(self._state["predictor"], sample, Protocol(**protocol))
        return {**warm, "gpu": self._device().in_words(), "threads": self._threads()}

    def _threads(self) -> dict[str, int]:
        """Read back how many threads the libraries take that have been loaded by now."""
        from threadpoolctl import threadpool_info

        torch = sys.modules.get("torch")
        found = {str(pool["internal_api"]): int(pool["num_threads"]) for pool in threadpool_info()}
        return found if torch is None else {**found, "torch": torch.get_num_threads()}

    def visit(self, items: list[int], least_calls: int, least_s: float, most_kept: int) -> dict[str, Any]:
        """Measure batch-1 calls on these items, in whole passes."""
        from effkit.bench.latency import RE_WARM_ITEMS, visit

        sample = self._state["task"].items.take(items)
        on_gpu = self._device().is_up()
        # A GPU loads its code when a shape of input first needs it, and each block has lengths that are new.
        re_warm = len(items) if on_gpu else RE_WARM_ITEMS
        cpu_s, start = time.process_time(), time.perf_counter()
        calls = visit(
            self._state["predictor"],
            sample,
            least_calls=least_calls,
            least_s=least_s,
            most_kept=most_kept,
            re_warm_items=re_warm,
        )
        return {
            **vars(calls),
            "on_gpu": on_gpu,
            "cpu_s": time.process_time() - cpu_s - calls.yardstick_s,
            "wall_s": time.perf_counter() - start,
        }

    def throughput(self, items: list[int], least_s: float) -> dict[str, Any]:
        """Measure whole batches of these items."""
        from effkit.bench.latency import throughput

        batch_s, yard_s = throughput(self._state["predictor"], self._state["task"].items.take(items), least_s)
        self._device().give_back()
        return {"batch_s": batch_s, "yard_s": yard_s}

    def take_load(self, items: list[int], max_batch: int) -> dict[str, Any]:
        """Take the items that requests will name, and pass over the first of them in batches, for their rate."""
        from effkit.bench.serving import passed_per_s

        sample = self._state["task"].items.take(items)
        self._state["load"] = sample, max_batch
        per_s = passed_per_s(self._state["predictor"], sample, max_batch)
        return {"per_s": per_s, "on_gpu": self._device().is_up()}

    def serve_load(self) -> dict[str, Any]:
        """Answer requests in bytes until they end; whatever happens, say so before the answer in JSON."""
        from effkit.bench.serving import ENDED, answer_requests

        items, max_batch = self._state["load"]
        try:
            answer_requests(self._state["predictor"], items, max_batch, self._requests, self._answers)
        finally:
            self._answers.write(ENDED)
        return {}

    def memory(self) -> dict[str, Any]:
        """Report the highest resident memory so far, and the device's since the model was loaded."""
        from dataclasses import asdict

        from effkit.bench.memory import peak_bytes

        return {"peak_bytes": peak_bytes(), **asdict(self._device().peak())}

    def _device(self) -> Any:
        """The device that this candidate reaches: without PyTorch it is on the CPU, whatever the study asks."""
        from effkit.bench.device import device
        from effkit.models.base import CPU, DEVICE

        return device(DEVICE if "torch" in sys.modules else CPU)

    def _seeded(self, seed: int) -> Any:
        from dataclasses import replace

        return replace(self._state["recipe"], seed=seed)

    def _products(self) -> Any:
        from effkit.models import Products

        return Products(self._state["products"], self._meter)

    @contextmanager
    def _meter(self) -> Iterator[dict[str, Any]]:
        """Time the body here and let the coordinator, which owns the tracker, add its energy."""
        reading: dict[str, Any] = {}
        self._ask({"meter": "start"})
        start = time.perf_counter()
        yield reading
        reading["time_s"] = time.perf_counter() - start
        reading |= self._ask({"meter": "stop"})

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        self._send(question)
        reply: dict[str, Any] = json.loads(self._requests.readline())
        return reply


def _response_bytes(predictions: Any) -> float:
    """Mean size of an answer as compact JSON: a class and its probability, a value, or ranked ids."""
    if predictions.ndim == 1:
        return sum(len(json.dumps(float(value))) for value in predictions) / len(predictions)
    return sum(len(json.dumps(_response(row), separators=(",", ":"))) for row in predictions) / len(predictions)


def _response(row: Any) -> dict[str, Any]:
    if row.dtype.kind == "f":
        return {"class": int(row.argmax()), "p": round(float(row.max()), 4)}
    return {"ids": row.tolist()}


def main() -> None:
    """Serve on what were standard input and output; what a model starts has neither, its prints are errors."""
    die_with_parent(int(sys.argv[1]))
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    Worker(requests, answers).serve()
    gc.freeze()  # the process ends: whoever waits for it need not wait until all it imported is looked through


if __name__ == "__main__":
    main()
