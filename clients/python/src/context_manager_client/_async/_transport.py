"""Requests with their deadline and retries."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import httpx2
import msgspec

from .._calls import (
    LONGEST_SILENCE,
    Deadline,
    Repeat,
    connection_errors,
    decoded,
    failure,
    is_media,
    logger,
    may_repeat,
    pause,
    segment,
    unexpected,
    without_none,
)
from .._errors import ApiError, ConnectionFailed, ContextManagerError, Interrupted, UnexpectedAnswer
from ._io import fail_after, sleep

T = TypeVar("T")

DegradedHook = Callable[[str, list[str]], None]


@dataclass(frozen=True, kw_only=True)
class AsyncTransport:
    """A server and the settings of calls to it."""

    http: httpx2.AsyncClient
    url: str
    headers: httpx2.Headers
    timeout: float
    max_retries: int
    on_degraded: DegradedHook | None

    async def call(
        self,
        method: str,
        path: str,
        kind: type[T],
        *segments: str,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        content: bytes | AsyncIterable[bytes] | None = None,
        media: str = "application/json",
        repeat: Repeat = Repeat.ALWAYS,
        timeout: float | None = None,
    ) -> T:
        """Sends a request until it succeeds or another attempt makes no sense, and reads its answer."""
        deadline = Deadline(self.timeout if timeout is None else timeout)
        url = self.url + path.format(*map(segment, segments))
        headers = self._headers(media)
        if body is not None:
            content = msgspec.json.encode(body)
            headers["content-type"] = "application/json"
        elif content is not None:
            headers["content-type"] = "application/x-ndjson"
        params = without_none(query or {})

        async def send() -> tuple[httpx2.Response, bytes]:
            headers["x-request-timeout-ms"] = str(max(1, int(deadline.remaining() * 1000)))
            request = self.http.build_request(
                method, url, params=params, content=content, headers=headers, extensions={"timeout": deadline}
            )
            response = await self._open(request, media, deadline)
            return response, await self._read(response, deadline)

        response, answer = await self._repeated(send, deadline, repeat)
        if kind is bytes:
            return cast("T", answer)
        if response.status_code == httpx2.codes.NO_CONTENT:
            answer = b"null"
        result = decoded(response, answer, kind, self.url)
        if degraded := getattr(result, "degraded", None):
            logger.warning("%s %s: degraded, %s was down or late", method, path, ", ".join(degraded))
            if self.on_degraded is not None:
                self.on_degraded(path.rsplit("/", 1)[-1], degraded)
        return result

    @asynccontextmanager
    async def stream(
        self, path: str, query: Mapping[str, Any], *, media: str, timeout: float | None
    ) -> AsyncIterator[httpx2.Response]:
        """An answer that lasts as long as there is data. `timeout` bounds its beginning."""
        deadline = Deadline(self.timeout if timeout is None else timeout)

        async def send() -> httpx2.Response:
            request = self.http.build_request(
                "GET",
                self.url + path,
                params=without_none(query),
                headers=self._headers(media),
                extensions={"timeout": deadline},
            )
            return await self._open(request, media, deadline)

        response = await self._repeated(send, deadline, Repeat.ALWAYS)
        deadline.restart(LONGEST_SILENCE)
        try:
            with connection_errors(self.url):
                yield response
        except TimeoutError as error:
            raise Interrupted(f"{self.url} sent nothing for {LONGEST_SILENCE:g} s") from error
        finally:
            await response.aclose()

    def _headers(self, media: str) -> httpx2.Headers:
        return httpx2.Headers({**self.headers, "accept": media})

    async def _repeated(self, send: Callable[[], Awaitable[T]], deadline: Deadline, repeat: Repeat) -> T:
        last: ContextManagerError | None = None
        attempt = 0
        try:
            with fail_after(deadline.seconds):
                while True:
                    attempt += 1
                    try:
                        with connection_errors(self.url):
                            return await send()
                    except (ApiError, ConnectionFailed, UnexpectedAnswer) as error:
                        last = error
                    if attempt > self.max_retries or not may_repeat(last, repeat):
                        raise last
                    seconds = pause(last, attempt - 1)
                    if seconds >= deadline.remaining():
                        raise last
                    logger.info("attempt %d failed, again in %.1f s: %s", attempt, seconds, last)
                    await sleep(seconds)
        except TimeoutError as error:
            raise deadline.exceeded(self.url, attempt, last) from error

    async def _open(self, request: httpx2.Request, media: str, deadline: Deadline) -> httpx2.Response:
        response = await self.http.send(request, stream=True, follow_redirects=False)
        logger.debug("%s %s: %d", request.method, request.url.path, response.status_code)
        if not response.is_success:
            raise failure(response, await self._read(response, deadline), self.url)
        if not is_media(response, media):
            raise unexpected(response, await self._read(response, deadline), self.url)
        return response

    async def _read(self, response: httpx2.Response, deadline: Deadline) -> bytes:
        body = bytearray()
        try:
            async for piece in response.aiter_bytes():
                body += piece
                if deadline.expired():
                    raise TimeoutError
        finally:
            await response.aclose()
        return bytes(body)
