from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from context_manager_client import AsyncClient, Client

REPOSITORY = Path(__file__).parents[4]


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    binary = Path(os.environ.get("CONTEXT_MANAGER_BIN") or REPOSITORY / "target/debug/context-manager")
    if not binary.is_file():
        pytest.skip(f"{binary} is missing: build it with `cargo build`, or name another in CONTEXT_MANAGER_BIN")
    folder = tmp_path_factory.mktemp("server")
    (folder / "config.toml").write_text(f'[vector_db]\npath = "{folder / "data"}"\n')
    log = folder / "log"
    with log.open("w") as output:
        server = subprocess.Popen(
            [binary, "serve", "--config", folder / "config.toml", "--port", "0"], stdout=output, stderr=output
        )
    try:
        yield f"http://{_address(log)}"
    finally:
        server.terminate()
        server.wait()


def _address(log: Path) -> str:
    for _ in range(300):
        text = log.read_text()
        address = re.search(r"listening address=(\S+)", text)
        if address and "store opened" in text:
            return address[1]
        time.sleep(0.1)
    raise RuntimeError(f"the server did not start:\n{log.read_text()}")


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    with Client(url) as client:
        yield client


@pytest.fixture
async def async_client(url: str) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(url) as client:
        yield client


@pytest.fixture
async def away() -> AsyncIterator[AsyncClient]:
    """Client of a server that is away."""
    async with AsyncClient("http://127.0.0.1:9", timeout=1) as client:
        yield client
