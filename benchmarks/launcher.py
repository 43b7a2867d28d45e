"""Stands in for a worker's interpreter: holds pages of memory first, then runs the module it is asked for.

What is mapped later comes to lie that much lower, so that a fixed layout can be one of several.
"""

from __future__ import annotations

import mmap
import os
import runpy
import sys

held = [mmap.mmap(-1, pages * mmap.PAGESIZE) for pages in [int(os.environ.get("BENCHMARK_PAGES", "0"))] if pages]
del sys.path[0]  # this folder, which `-m` would not have put there
_, _, module, *arguments = sys.argv  # launcher.py -m MODULE ARGUMENTS…
sys.argv = [module, *arguments]
runpy.run_module(module, run_name="__main__", alter_sys=True)
