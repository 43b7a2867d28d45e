"""Ask Slurm for whole nodes with one Dask worker on each, and give them back on Ctrl-C.

python docs/cluster/slurm.py NODES [HOURS]

The scheduler runs inside this script: start it where nothing is measured, such as the login node.
"""

import signal
import sys
import threading

from dask_jobqueue import SLURMCluster

nodes, hours = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 12

if __name__ == "__main__":
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with SLURMCluster(
        cores=1,  # threads of the worker; what it starts has the whole node
        processes=1,
        memory="1GB",  # of the worker alone
        walltime=f"{hours}:00:00",
        nanny=False,
        worker_extra_args=["--no-dashboard", "--resources measure=1"],  # with a GPU: "measure=1 GPU=1"
        job_directives_skip=["--mem", "--cpus-per-task"],
        job_extra_directives=["--exclusive", "--mem=0"],  # with a GPU: "--gres=gpu:1" too
        scheduler_options={"dashboard": False, "dashboard_address": ":0"},
    ) as cluster:
        print(cluster.job_script(), flush=True)
        cluster.scale(jobs=nodes)
        print(f"effkit run SWEEP --executor dask --scheduler {cluster.scheduler_address}", flush=True)
        stop.wait()
