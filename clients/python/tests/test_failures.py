"""Failures between a client and a server end in a typed error, in time, and store nothing twice."""

from __future__ import annotations

import json
import logging
import pickle
import re
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from context_manager_client import (
    ApiError,
    AsyncClient,
    Client,
    ConnectionFailed,
    ContextManagerError,
    DeadlineExceeded,
    Interrupted,
    RateLimited,
    ServiceUnavailable,
    Unauthenticated,
    UnexpectedAnswer,
)

from .conftest import MakeClient
from .stand_in import answer, cut_off, hang, problem, stand_in, trickle

pytestmark = pytest.mark.anyio

PAGE = "<html><body>Welcome to the proxy</body></html>" + "x" * 1000
WRITTEN = json.dumps(
    {
        "id": "0198c5a2-7d10-7c3e-9a51-5d2f0c6b1e01",
        "level": "a_level_of_tomorrow",
        "created_at": "2026-01-02T03:04:05.678Z",
        "updated_at": "2026-01-02T03:04:05.678Z",
        "embedding_status": "ready",
        "a_field_of_tomorrow": 1,
    }
)
KEY = "cm_secret_0123456789"


async def test_a_page_of_a_proxy_is_named_as_one(make_client: MakeClient) -> None:
    with stand_in(answer(200, PAGE, "text/html")) as server:
        client = make_client(server.url)
        for call in (client.get_stats(), client.get_metrics(), client.delete_context("x")):
            with pytest.raises(UnexpectedAnswer, match="the address of a Context Manager server") as error:
                await call
            assert error.value.body == PAGE[:200]
        with pytest.raises(UnexpectedAnswer):
            _ = [event async for event in client.stream_events()]
        with pytest.raises(UnexpectedAnswer):
            _ = [piece async for piece in client.export_contexts()]


async def test_a_failing_proxy_is_tried_again(make_client: MakeClient) -> None:
    with stand_in(answer(502, PAGE, "text/html"), answer(201, WRITTEN)) as server:
        written = await make_client(server.url).store_context("tea")
    assert str(written.level) == "a_level_of_tomorrow"
    assert len({body["id"] for body in server.bodies()}) == 1
    assert len(server.requests) == 2


@pytest.mark.parametrize("body", ['{"id": 1}', "[]", "{", '"text"'])
async def test_wrong_json_is_an_unexpected_answer(make_client: MakeClient, body: str) -> None:
    with stand_in(answer(200, body)) as server, pytest.raises(UnexpectedAnswer, match=re.escape(repr(body))):
        await make_client(server.url).get_stats()


async def test_an_error_of_another_service_is_an_unexpected_answer(make_client: MakeClient) -> None:
    with (
        stand_in(answer(404, '{"detail": "Not Found"}', X_Request_Id="r-9")) as server,
        pytest.raises(UnexpectedAnswer, match="404") as error,
    ):
        await make_client(server.url).get_context("x")
    assert (error.value.status, error.value.request_id) == (404, "r-9")


async def test_a_redirect_is_not_followed_with_the_key(make_client: MakeClient) -> None:
    with (
        stand_in(answer(200, "{}")) as target,
        stand_in(answer(301, "", location=f"{target.url}/")) as server,
        pytest.raises(UnexpectedAnswer, match=re.escape(f"redirects to {target.url}")),
    ):
        await make_client(server.url, KEY).get_stats()
    assert not target.requests


async def test_a_cut_off_store_is_sent_again_under_the_same_id(make_client: MakeClient) -> None:
    with stand_in(cut_off, cut_off, answer(200, WRITTEN)) as server:
        await make_client(server.url).store_context("tea")
    assert len(server.requests) == 3
    assert len({body["id"] for body in server.bodies()}) == 1


Call = Callable[[AsyncClient], Awaitable[Any]]


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.undo_context("x"),
        lambda client: client.pop_message("s"),
        lambda client: client.store_messages("s", [{"id": "msg_1", "role": "user", "content": "hi"}]),
        lambda client: client.run_file_command("create", path="/memories/a", file_text="b"),
        lambda client: client.create_snapshot(),
        lambda client: client.collect_garbage(),
    ],
    ids=["undo", "pop", "foreign id", "file", "snapshot", "gc"],
)
async def test_what_would_be_done_twice_is_not_sent_again(make_client: MakeClient, call: Call) -> None:
    with stand_in(cut_off) as server, pytest.raises(Interrupted, match="may have been applied"):
        await call(make_client(server.url))
    assert len(server.requests) == 1
    with stand_in(problem(503, "service_unavailable")) as server, pytest.raises(ServiceUnavailable):
        await call(make_client(server.url))
    assert len(server.requests) == 1
    with stand_in(problem(429, "rate_limited")) as server, pytest.raises(RateLimited):
        await call(make_client(server.url))
    assert len(server.requests) == 3


async def test_an_invalid_request_is_not_sent_again(make_client: MakeClient) -> None:
    with stand_in(problem(400, "invalid_request")) as server, pytest.raises(ApiError, match="request r-1"):
        await make_client(server.url).get_stats()
    assert len(server.requests) == 1


async def test_a_storm_of_429_ends_within_the_deadline(make_client: MakeClient) -> None:
    with stand_in(problem(429, "rate_limited")) as server:
        client = make_client(server.url, timeout=1.0, max_retries=1000)
        began = time.monotonic()
        with pytest.raises(RateLimited):
            await client.store_context("tea")
        assert time.monotonic() - began < 1.2
    assert 2 < len(server.requests) < 30


async def test_retry_after_is_waited_for(make_client: MakeClient) -> None:
    with stand_in(problem(429, "rate_limited", Retry_After="1"), answer(201, WRITTEN)) as server:
        began = time.monotonic()
        await make_client(server.url).store_context("tea")
        assert time.monotonic() - began >= 1


async def test_retry_after_past_the_deadline_is_not_waited_for(make_client: MakeClient) -> None:
    with stand_in(problem(503, "service_unavailable", Retry_After="60")) as server:
        began = time.monotonic()
        with pytest.raises(ServiceUnavailable, match="Retry after 60 s") as error:
            await make_client(server.url, timeout=5).get_stats()
        assert time.monotonic() - began < 1
    assert error.value.retry_after == 60


@pytest.mark.parametrize("misbehaviour", [hang, trickle])
async def test_a_server_that_does_not_finish_is_left_in_time(make_client: MakeClient, misbehaviour: Any) -> None:
    with stand_in(misbehaviour) as server:
        began = time.monotonic()
        with pytest.raises(DeadlineExceeded, match=r"within 0\.5 s") as error:
            await make_client(server.url).get_stats(timeout=0.5)
        assert 0.4 < time.monotonic() - began < 0.8
    assert isinstance(error.value, TimeoutError)


async def test_the_deadline_covers_retries(make_client: MakeClient) -> None:
    with stand_in(cut_off, hang) as server:
        began = time.monotonic()
        with pytest.raises(DeadlineExceeded, match=r"2 attempts\); before: the connection .* broke off"):
            await make_client(server.url, timeout=1).get_stats()
        assert time.monotonic() - began < 1.3


async def test_a_server_that_is_away_is_named(make_client: MakeClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(ConnectionFailed, match="Is the server running") as error:
        await make_client(url).pop_message("s")
    assert url in str(error.value)


async def test_a_host_without_an_address_is_named(make_client: MakeClient) -> None:
    with pytest.raises(ConnectionFailed, match=r"no connection to http://memory\.invalid"):
        await make_client("http://memory.invalid").get_stats()


async def test_the_server_is_told_the_time_that_is_left(make_client: MakeClient) -> None:
    with stand_in(problem(429, "rate_limited", Retry_After="1"), answer(201, WRITTEN)) as server:
        await make_client(server.url, timeout=5).store_context("tea")
    first, second = (int(re.findall(rb"x-request-timeout-ms: (\d+)", request)[0]) for request in server.requests)
    assert 4900 <= first <= 5000
    assert 2900 <= second <= 4000


async def test_the_key_is_sent_and_never_shown(
    make_client: MakeClient, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    with stand_in(problem(401, "unauthenticated")) as server:
        monkeypatch.setenv("CONTEXT_MANAGER_URL", server.url + "/")
        monkeypatch.setenv("CONTEXT_MANAGER_API_KEY", KEY + "\n")
        client = make_client(None)
        with pytest.raises(Unauthenticated, match="CONTEXT_MANAGER_API_KEY") as error:
            await client.get_stats()
    assert f"authorization: Bearer {KEY}".encode() in server.requests[0].replace(b"Authorization", b"authorization")
    for shown in (repr(client), repr(client._transport), str(error.value), repr(error.value), caplog.text):
        assert KEY not in shown


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_settings_that_cannot_be_are_refused(kind: Any) -> None:
    for url in ("localhost:8080", "ftp://x", "http://", "http://user:pw@host"):
        with pytest.raises(ValueError, match="the URL of the server"):
            kind(url)
    with pytest.raises(ValueError, match="characters that no key has") as error:
        kind(api_key=f"{KEY}\u00e9")
    assert KEY not in repr(error.value)


@pytest.mark.parametrize("timeout", [0, -1, float("inf"), float("nan")])
async def test_a_timeout_is_a_positive_number(make_client: MakeClient, timeout: float) -> None:
    with pytest.raises(ValueError, match="positive number"):
        await make_client("http://127.0.0.1:1").get_stats(timeout=timeout)


async def test_errors_cross_processes(make_client: MakeClient) -> None:
    with stand_in(problem(429, "rate_limited", Retry_After="7"), answer(200, "{")) as server:
        client = make_client(server.url, max_retries=0)
        for _ in range(2):
            with pytest.raises(ContextManagerError) as error:
                await client.get_stats()
            copy = pickle.loads(pickle.dumps(error.value))
            assert (type(copy), str(copy), copy.__dict__) == (type(error.value), str(error.value), error.value.__dict__)
