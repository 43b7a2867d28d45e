"""Memory of the present process."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path


def peak_bytes() -> int:
    """Highest resident memory of this process so far, bytes.

    Linux keeps it as VmHWM; elsewhere it is `ru_maxrss`, in bytes on macOS, and on Windows the
    peak working set.
    """
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
