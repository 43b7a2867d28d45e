"""What docs/cluster.md says works: its script for Slurm, its manifest for Kubernetes, and encryption."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.batch.clusters import ROOT, Site, site
from tests.batch.sweeps import project, run, sweep

pytest.importorskip("distributed")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="effkit measures on Linux and macOS")
MANIFEST = list(yaml.safe_load_all((ROOT / "docs" / "cluster" / "kubernetes.yaml").read_text(encoding="utf-8")))
SBATCH = """#!/bin/sh
cp "$1" "$0.script"
setsid sh "$0.script" > "$0.log" 2>&1 &
echo "Submitted batch job $!"
"""
SCANCEL = """#!/bin/sh
echo "$1" >> "$0.log"
kill -TERM -- "-$1" || true  # it may have ended with the scheduler
"""


@pytest.mark.slow
def test_the_script_for_slurm_asks_for_whole_nodes_that_may_measure(tmp_path: Path, results: Path) -> None:
    pytest.importorskip("dask_jobqueue")
    for name, text in (("sbatch", SBATCH), ("scancel", SCANCEL)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    path = sweep(project(tmp_path), "s")
    script = subprocess.Popen(
        [sys.executable, str(ROOT / "docs" / "cluster" / "slurm.py"), "1"], stdout=subprocess.PIPE, text=True,
        cwd=tmp_path, env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    try:
        assert script.stdout is not None
        said = ""
        while "effkit run" not in said:
            line = script.stdout.readline()
            assert line, said
            said += line
        words = said.rpartition("effkit run SWEEP ")[2].split()
        deadline = time.monotonic() + 60
        while not (tmp_path / "sbatch.log").exists() or "Registered to" not in (tmp_path / "sbatch.log").read_text():
            assert time.monotonic() < deadline, "no worker came"
            time.sleep(0.1)
        code, told = run("run", path, "--results", results, *words)
        assert code == 0, told
    finally:
        script.send_signal(signal.SIGINT)
        script.communicate(timeout=60)
    job = (tmp_path / "sbatch.script").read_text()
    assert "#SBATCH --exclusive" in job and "#SBATCH --mem=0" in job and "--cpus-per-task" not in job
    assert "--nthreads 1" in job and "--no-nanny" in job and "--resources measure=1" in job
    assert (tmp_path / "scancel.log").read_text().strip().isdigit(), "the node was not given back"


class TestKubernetes:
    """The manifest, as far as it can be tried without a cluster of that kind."""

    def pod(self, name: str) -> dict[str, Any]:
        (found,) = (each for each in MANIFEST if each["kind"] == "Deployment" and each["metadata"]["name"] == name)
        assert found["spec"]["selector"]["matchLabels"] == found["spec"]["template"]["metadata"]["labels"]
        pod: dict[str, Any] = found["spec"]["template"]["spec"]
        return pod

    def test_one_worker_a_node_and_the_scheduler_away_from_them(self) -> None:
        worker, scheduler = self.pod("effkit-worker"), self.pod("effkit-scheduler")
        (apart,) = worker["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        assert apart["labelSelector"]["matchLabels"] == {"app": "effkit-worker"}
        assert apart["topologyKey"] == "kubernetes.io/hostname"
        (label,) = worker["nodeSelector"]
        nodes = scheduler["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        (term,) = nodes["nodeSelectorTerms"]
        assert term["matchExpressions"] == [{"key": label, "operator": "DoesNotExist"}]

    def test_pods_of_a_node_share_its_slot(self) -> None:
        worker = self.pod("effkit-worker")
        (container,) = worker["containers"]
        environment = {each["name"]: each for each in container["env"]}
        mounted = {each["mountPath"]: each["name"] for each in container["volumeMounts"]}
        (slot,) = (each for each in worker["volumes"] if each["name"] == mounted[environment["EFFKIT_SLOT"]["value"]])
        assert slot["hostPath"]["type"] == "DirectoryOrCreate"
        assert environment["EFFKIT_HOST"]["valueFrom"]["fieldRef"]["fieldPath"] == "spec.nodeName"
        assert container["resources"]["requests"] == container["resources"]["limits"]

    def test_its_commands_work(self, params: Path, results: Path, dask: Site) -> None:
        (scheduler,), (worker,) = (self.pod(f"effkit-{each}")["containers"] for each in ("scheduler", "worker"))
        assert scheduler["command"][:2] == ["dask", "scheduler"]
        (service,) = (each for each in MANIFEST if each["kind"] == "Service")
        where = f"tcp://{service['metadata']['name']}:{service['spec']['ports'][0]['port']}"
        assert str(service["spec"]["ports"][0]["port"]) in scheduler["command"]
        words = [dask.address if word == where else word for word in worker["command"]]
        assert dask.address in words and words[:2] == ["dask", "worker"]
        dask.employ("pod", *words[2:], EFFKIT_HOST="node")
        dask.wait(1)
        path = sweep(params, "s", include=[{"protocol": {"base": "smoke", "device": "cuda"}}])
        code, said = run("run", path, "--results", results, "--executor", "dask", "--scheduler", dask.address)
        assert code == 2 and "runs on a GPU" in said, "the worker may not measure"

    @pytest.fixture
    def params(self, tmp_path: Path) -> Path:
        return project(tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl to make certificates with")
def test_with_encryption_only_who_has_a_certificate_is_let_in(tmp_path: Path, results: Path) -> None:
    key, certificate = str(tmp_path / "key.pem"), str(tmp_path / "cert.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=effkit", "-days", "1", "-keyout",
         key, "-out", certificate], check=True, capture_output=True,
    )  # fmt: skip
    environment = {"DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION": "true",
                   "DASK_DISTRIBUTED__COMM__TLS__CA_FILE": certificate}  # fmt: skip
    for who in ("SCHEDULER", "WORKER", "CLIENT"):
        environment |= {f"DASK_DISTRIBUTED__COMM__TLS__{who}__CERT": certificate,
                        f"DASK_DISTRIBUTED__COMM__TLS__{who}__KEY": key}  # fmt: skip
    path = sweep(project(tmp_path), "s", include=[{"protocol": {"base": "smoke", "device": "cuda"}}])
    with site(tmp_path / "dask", protocol="tls", **environment) as dask:
        dask.hire("one", "a")
        words = ["run", path, "--results", results, "--executor", "dask", "--scheduler", dask.address]
        deadline = time.monotonic() + 60
        said = ""
        while "runs on a GPU" not in said:
            assert time.monotonic() < deadline, said
            code, said = run(*words, **environment)
            assert code == 2
        code, said = run(*words)
        assert code == 2 and "No Dask scheduler answers" in said
