"""An S3 server on loopback, and the faults that tests ask of it: `python s3_server.py PORT_FILE FAULTS_FILE`.

The server is moto's, over HTTP. A PUT is let through one at a time, because moto looks whether an object is there
and then writes it, where S3 does both in one step.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

BUSY = b"<?xml version='1.0'?><Error><Code>ServiceUnavailable</Code><Message>busy</Message></Error>"


class Faulty:
    """The server, with faults: read anew at every request from a file of the test's.

    `every` 3 fails each third request, by `how`: `busy` (503) or `drop` (the connection is closed). `kill` is a
    process that is killed at its request number `at`, `when` the server has done what it asks, or has not.
    """

    def __init__(self, application: Callable[..., Iterable[bytes]], faults: Path) -> None:
        self._application, self._faults = application, faults
        self._counting, self._writing = threading.Lock(), threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request, or fail as asked."""
        with self._counting:
            faults = json.loads(self._faults.read_text())
            faults["seen"] = seen = faults.get("seen", 0) + 1
            faults.setdefault("log", []).append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}")
            partial = self._faults.with_suffix(".partial")
            partial.write_text(json.dumps(faults))
            partial.replace(self._faults)
        environ["wsgi.input"].read if "wsgi.input" in environ else None
        if faults.get("every") and seen % faults["every"] == 0:
            if faults["how"] == "drop":
                environ["werkzeug.socket"].close()
                raise ConnectionError("dropped, as asked")
            start_response("503 Service Unavailable", [("Content-Type", "application/xml")])
            return [BUSY]
        doomed = faults.get("kill") if seen == faults.get("at") else None
        if doomed and faults["when"] == "before":
            os.kill(doomed, signal.SIGKILL)
            return []
        if environ["REQUEST_METHOD"] == "PUT":
            with self._writing:
                answer = list(self._application(environ, start_response))
        else:
            answer = list(self._application(environ, start_response))
        if doomed:
            os.kill(doomed, signal.SIGKILL)
        return answer


def main() -> None:
    """Serve until killed."""
    port_file, faults = Path(sys.argv[1]), Path(sys.argv[2])
    faults.write_text("{}")
    application = Faulty(DomainDispatcherApplication(create_backend_app), faults)
    server = make_server("127.0.0.1", 0, application, threaded=True)
    port_file.with_suffix(".partial").write_text(str(server.port))
    port_file.with_suffix(".partial").replace(port_file)
    server.serve_forever()


if __name__ == "__main__":
    main()
