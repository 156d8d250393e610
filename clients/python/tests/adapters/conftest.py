from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from context_manager_client import AsyncClient, Client

from ..conftest import Server


@pytest.fixture(scope="session")
def url(server: Server) -> str:
    return server.url


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
    """A client of a server that is away."""
    async with AsyncClient("http://127.0.0.1:9", timeout=1) as client:
        yield client
