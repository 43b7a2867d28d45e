"""An S3 server on loopback, and the faults that tests ask of it: `python s3_server.py PORT_FILE`.

The server is moto's, over HTTP. It lets one PUT through at a time, because moto looks whether an object is there and
then writes it, where S3 does both in one step.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

CONTROL = "/-/faults"
ERROR = "<?xml version='1.0'?><Error><Code>{0}</Code><Message>as the test asked</Message></Error>"
BUSY, FORBIDDEN = ("503 Service Unavailable", "ServiceUnavailable"), ("403 Forbidden", "AccessDenied")


class Faulty:
    """The server, and its faults: `PUT /-/faults` sets them, and `GET /-/faults` returns the requests since then.

    every: this fails each so-manyth request, `how` being `busy` (503) or `drop` (the connection is closed); but none
        twice in a row, or, where several are under way, one of them could fail as often as it is made again.
    unconditional: every write is let through, as by a store that knows no conditions.
    once: all requests get 403 from the first on whose path has this in it.
    skewed: no request is let through, as from a host whose clock is wrong.
    at: this request does `then` (`kill`: the process `pid` is killed; `refuse`: it and all after it get 403),
        `when` being `before` it is done or `after`.
    """

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self._application = application
        self._faults: dict[str, Any] = {}
        self._seen: list[str] = []
        self._failed: set[str] = set()
        self._counting, self._writing = threading.Lock(), threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request, or fail as asked."""
        if environ["PATH_INFO"] == CONTROL:
            return self._control(environ, start_response)
        with self._counting:
            self._seen.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}")
            faults, number = self._faults, len(self._seen)
            fails = self._is_unlucky(f"{self._seen[-1]}?{environ['QUERY_STRING']}", number)
        if fails:
            if faults["how"] == "drop":
                environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
                return []
            return _error(start_response, *BUSY)
        if faults.get("once") and any(faults["once"] in each for each in self._seen):
            return _error(start_response, *FORBIDDEN)
        if faults.get("skewed"):
            return _error(start_response, "403 Forbidden", "RequestTimeTooSkewed")
        at, then, after = faults.get("at", 0), faults.get("then"), faults.get("when") == "after"
        if then == "refuse" and (number > at or (number == at and not after)):
            return _error(start_response, *FORBIDDEN)
        if then == "kill" and number == at and not after:
            os.kill(faults["pid"], signal.SIGKILL)
            return []
        if faults.get("unconditional"):
            environ.pop("HTTP_IF_NONE_MATCH", None)
        if environ["REQUEST_METHOD"] == "PUT":
            with self._writing:
                answer = list(self._application(environ, start_response))
        else:
            answer = list(self._application(environ, start_response))
        if then == "kill" and number == at:
            os.kill(faults["pid"], signal.SIGKILL)
        return answer

    def _is_unlucky(self, request: str, number: int) -> bool:
        every = self._faults.get("every")
        if every and number % every == 0 and request not in self._failed:
            self._failed.add(request)
            return True
        self._failed.discard(request)
        return False

    def _control(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        with self._counting:
            if environ["REQUEST_METHOD"] == "PUT":
                self._faults = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
                self._seen = []
            start_response("200 OK", [("Content-Type", "application/json")])
            return [json.dumps(self._seen).encode()]


def _error(start_response: Callable[..., Any], status: str, code: str) -> Iterable[bytes]:
    start_response(status, [("Content-Type", "application/xml")])
    return [ERROR.format(code).encode()]


def main() -> None:
    """Serve until killed."""
    port_file = Path(sys.argv[1])
    server = make_server("127.0.0.1", 0, Faulty(DomainDispatcherApplication(create_backend_app)), threaded=True)
    partial = port_file.with_suffix(".partial")
    partial.write_text(str(server.port))
    partial.replace(port_file)
    server.serve_forever()


if __name__ == "__main__":
    main()
