"""Servers that are killed, closed, limited or without their model."""

from __future__ import annotations

import logging
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import anyio
import pytest

from context_manager_client import Client, Forbidden, RateLimited, Unauthenticated

from .conftest import MakeClient, StartServer

pytestmark = pytest.mark.anyio


async def test_a_kill_in_the_middle_of_stores_loses_and_doubles_nothing(
    make_client: MakeClient, start_server: StartServer
) -> None:
    server = start_server()
    client = make_client(server.url, timeout=60, max_retries=200)
    acknowledged: list[str] = []

    async def store(worker: int) -> None:
        for n in range(25):
            acknowledged.append((await client.store_context(f"worker {worker} note {n}")).id)
            await client.store_messages("chat", [{"role": "user", "content": f"worker {worker} message {n}"}])

    async with anyio.create_task_group() as group:
        for worker in range(4):
            group.start_soon(store, worker)
        for _ in range(2):
            await anyio.sleep(0.4)
            await anyio.to_thread.run_sync(server.kill)
            await anyio.to_thread.run_sync(server.start)

    kept = Counter([context.text async for context in client.list_contexts(limit=1000)])
    expected = [f"worker {worker} {kind} {n}" for worker in range(4) for kind in ("note", "message") for n in range(25)]
    assert kept == Counter(expected)
    assert len(set(acknowledged)) == 100


async def test_a_stream_of_events_outlives_a_restart(make_client: MakeClient, start_server: StartServer) -> None:
    server = start_server()
    client = make_client(server.url)
    first, gap = anyio.Event(), anyio.Event()
    after_the_gap = []

    async def follow() -> None:
        async for event in client.stream_events():
            first.set()
            if gap.is_set():
                after_the_gap.append(event)
                break
            if event.type == "gap":
                gap.set()

    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            group.start_soon(follow)
            while not first.is_set():
                await client.store_context(f"tea {anyio.current_time()}")
                await anyio.sleep(0.2)
            await anyio.to_thread.run_sync(server.kill)
            await anyio.sleep(3)
            await anyio.to_thread.run_sync(server.start)
            await gap.wait()
            coffee = await client.store_context("coffee")
    assert [event.context and event.context.id for event in after_the_gap] == [coffee.id]


async def test_a_model_that_is_away_shows_as_degraded(
    make_client: MakeClient, start_server: StartServer, caplog: pytest.LogCaptureFixture
) -> None:
    server = start_server(embedding__api_url="http://127.0.0.1:9", embedding__dimensions="8")
    seen: list[tuple[str, list[str]]] = []
    client = make_client(server.url, on_degraded=lambda call, parts: seen.append((call, parts)))
    stored = await client.store_context("Ann prefers dark mode")
    assert stored.embedding_status == "pending"
    with caplog.at_level(logging.WARNING, "context_manager_client"):
        found = await client.search_contexts("dark mode")
        assembled = await client.assemble_contexts("dark mode", 200)
    assert [context.id for context in found.contexts] == [stored.id]
    assert found.degraded == assembled.degraded == ["embedding"]
    assert seen == [("search", ["embedding"]), ("assemble", ["embedding"])]
    assert "degraded, embedding was down or late" in caplog.text


async def test_calls_above_the_rate_wait_their_turn(make_client: MakeClient, start_server: StartServer) -> None:
    server = start_server(rate_limits__per_address="{per_sec = 2, burst = 1}")
    hasty = make_client(server.url, max_retries=0)
    await hasty.get_stats()
    with pytest.raises(RateLimited) as error:
        await hasty.get_stats()
    assert error.value.retry_after is not None
    patient = make_client(server.url, max_retries=5)
    for _ in range(3):
        await patient.get_stats()


async def test_keys_open_what_they_permit(make_client: MakeClient, start_server: StartServer) -> None:
    server = start_server(keys=("read", "write"))
    reader, writer = server.keys
    with pytest.raises(Unauthenticated, match="keys create"):
        await make_client(server.url).get_stats()
    with pytest.raises(Unauthenticated) as error:
        await make_client(server.url, reader[:-1] + "x").get_stats()
    assert reader[:-1] not in str(error.value)
    with pytest.raises(Forbidden):
        await make_client(server.url, reader).store_context("tea")

    receipt = await make_client(server.url, writer).store_context("Ann likes tea")
    assert receipt.text is None
    assert (await make_client(server.url, reader).get_context(receipt.id)).text == "Ann likes tea"


def test_threads_share_a_client(start_server: StartServer) -> None:
    server = start_server()
    with Client(server.url) as client:
        with ThreadPoolExecutor(8) as threads:
            stored = list(threads.map(client.store_context, [f"note {n}" for n in range(40)]))
        assert {context.id for context in client.list_contexts()} == {written.id for written in stored}
        assert len(stored) == 40
    with pytest.raises(RuntimeError, match="closed"):
        client.get_stats()
