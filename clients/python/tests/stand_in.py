"""A server that misbehaves: it answers each connection as it is told."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

Answer = Callable[[socket.socket], None]


class StandIn:
    def __init__(self, *answers: Answer) -> None:
        self._answers = answers
        self.requests: list[bytes] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def bodies(self) -> list[Any]:
        return [json.loads(request.partition(b"\r\n\r\n")[2]) for request in self.requests]

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self._answer, args=self._socket.accept(), daemon=True).start()

    def _answer(self, connection: socket.socket, _address: Any) -> None:
        with connection, contextlib.suppress(OSError):
            self.requests.append(_request(connection))
            self._answers[min(len(self.requests), len(self._answers)) - 1](connection)

    def close(self) -> None:
        self._socket.close()


def _request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")]
    while len(body) < sum(lengths):
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


@contextlib.contextmanager
def stand_in(*answers: Answer) -> Iterator[StandIn]:
    """The last answer is repeated."""
    server = StandIn(*answers)
    try:
        yield server
    finally:
        server.close()


def answer(status: int, body: str | bytes, media: str = "application/json", **headers: str) -> Answer:
    content = body.encode() if isinstance(body, str) else body
    fields = {"content-type": media, "content-length": str(len(content)), "connection": "close"}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = f"HTTP/1.1 {status} X\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items()) + "\r\n"
    return lambda connection: connection.sendall(head.encode() + content)


def problem(status: int, code: str, **headers: str) -> Answer:
    body = {"type": "about:blank", "title": "T", "status": status, "code": code, "detail": "D", "request_id": "r-1"}
    return answer(status, json.dumps(body), "application/problem+json", **headers)


def cut_off(connection: socket.socket) -> None:
    connection.sendall(b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{"id": "0')


def hang(connection: socket.socket) -> None:
    connection.recv(1)


def trickle(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900000\r\n\r\n")
    while True:
        connection.sendall(b" ")
        time.sleep(0.05)
