from __future__ import annotations

import contextlib
import functools
import inspect
import os
import re
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import anyio
import pytest

from context_manager_client import AsyncClient, Client

ROOT = Path(__file__).resolve().parents[3]
BINARY = Path(os.environ.get("CONTEXT_MANAGER_BIN", ROOT / "target" / "debug" / "context-manager"))


@dataclass
class Server:
    """A server of its own on a free port, with a data folder that outlives a kill."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    port: int = 0
    keys: list[str] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Server:
        log = self.folder / "log"
        with log.open("wb") as out:
            self.process = subprocess.Popen([BINARY, "serve"], stdout=out, stderr=out, env=self.environment())
        deadline = time.monotonic() + 60
        while b"store opened" not in (text := log.read_bytes()):
            assert self.process.poll() is None, text.decode()
            assert time.monotonic() < deadline, text.decode()
            time.sleep(0.05)
        self.port = int(re.findall(rb"address=127\.0\.0\.1:(\d+)", text)[0])
        return self

    def kill(self) -> None:
        """kill -9, with nothing flushed."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def create_key(self, permissions: str) -> str:
        command = [str(BINARY), "keys", "create", "--tenant", "acme", "--permissions", permissions]
        done = subprocess.run(command, env=self.environment(), capture_output=True, check=True, text=True)
        return done.stdout.strip()

    def environment(self) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith("CONTEXT_MANAGER_")}
        settings = {"vector_db__path": str(self.folder / "data"), "server__port": str(self.port), **self.settings}
        return own | {f"CONTEXT_MANAGER_{name.upper()}": value for name, value in settings.items()}


StartServer = Callable[..., Server]


@pytest.fixture(scope="session")
def start_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartServer]:
    if not BINARY.exists():
        pytest.skip(
            f"{BINARY} is missing: build it by `cargo build --workspace --bin context-manager`,"
            " or name it by CONTEXT_MANAGER_BIN"
        )
    servers: list[Server] = []

    def start(*, keys: tuple[str, ...] = (), **settings: str) -> Server:
        server = Server(tmp_path_factory.mktemp("server"), settings)
        server.keys = [server.create_key(permissions) for permissions in keys]
        servers.append(server)
        return server.start()

    yield start
    for server in servers:
        if server.process is not None:
            server.kill()


@pytest.fixture(scope="session")
def server(start_server: StartServer) -> Server:
    return start_server()


class InThread:
    """The synchronous client under the names of the asynchronous one, so that one test holds for both."""

    def __init__(self, of: Any) -> None:
        self._of = of

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._of, name)
        if not callable(attribute):
            return attribute
        if name.startswith("with_"):
            return lambda **options: InThread(attribute(**options))
        if inspect.isgeneratorfunction(attribute) or "Pages" in str(inspect.signature(attribute).return_annotation):
            return lambda *args, **options: InThread(attribute(*args, **options))
        return lambda *args, **options: anyio.to_thread.run_sync(functools.partial(attribute, *args, **options))

    async def __aiter__(self) -> AsyncIterator[Any]:
        items = iter(self._of)
        end = object()
        while (item := await anyio.to_thread.run_sync(next, items, end, abandon_on_cancel=True)) is not end:
            yield item


MakeClient = Callable[..., AsyncClient]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=["async", "sync"])
async def make_client(request: pytest.FixtureRequest) -> AsyncIterator[MakeClient]:
    """Makes clients of either kind, which are closed after the test."""
    async with contextlib.AsyncExitStack() as stack:

        def make(url: str, api_key: str | None = None, **options: Any) -> AsyncClient:
            if request.param == "async":
                client = AsyncClient(url, api_key, **options)
                stack.push_async_callback(client.aclose)
                return client
            return cast("AsyncClient", InThread(stack.enter_context(Client(url, api_key, **options))))

        yield make


@pytest.fixture
async def client(server: Server, make_client: MakeClient) -> AsyncClient:
    return make_client(server.url)
