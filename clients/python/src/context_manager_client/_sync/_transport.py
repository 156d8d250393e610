"""Requests with their deadline and retries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

import httpx2
import msgspec

from .._calls import (
    LONGEST_SILENCE,
    Deadline,
    Repeat,
    connection_errors,
    decoded,
    failure,
    logger,
    may_repeat,
    pause,
    without_none,
)
from .._errors import ApiError, ConnectionFailed, ContextManagerError, UnexpectedAnswer
from ._io import fail_after, sleep

T = TypeVar("T")

DegradedHook = Callable[[str, list[str]], None]


@dataclass(frozen=True, kw_only=True)
class Transport:
    """A server and the settings of calls to it."""

    http: httpx2.Client
    url: str
    headers: httpx2.Headers
    timeout: float
    max_retries: int
    on_degraded: DegradedHook | None

    def call(
        self,
        method: str,
        path: str,
        kind: type[T],
        *segments: str,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        content: bytes | Iterable[bytes] | None = None,
        repeat: Repeat = Repeat.ALWAYS,
        timeout: float | None = None,
    ) -> T:
        """Sends a request until it succeeds or another attempt makes no sense, and reads its answer."""
        deadline = Deadline(self.timeout if timeout is None else timeout)
        request = self._request(method, path, segments, query, body, content)
        response, answer = self._repeated(lambda: self._once(request(deadline), deadline), deadline, repeat)
        if kind is bytes:
            return answer  # type: ignore[return-value]
        if response.status_code == httpx2.codes.NO_CONTENT:
            return None  # type: ignore[return-value]
        result = decoded(response, answer, kind, self.url)
        if degraded := getattr(result, "degraded", None):
            logger.warning("%s %s: degraded, %s was down or late", method, path, ", ".join(degraded))
            if self.on_degraded is not None:
                self.on_degraded(path.rsplit("/", 1)[-1], degraded)
        return result

    def _request(
        self,
        method: str,
        path: str,
        segments: tuple[str, ...] = (),
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        content: bytes | Iterable[bytes] | None = None,
    ) -> Callable[[Deadline], httpx2.Request]:
        """A request that can be sent more than once."""
        url = self.url + path.format(*(quote(segment, safe="") for segment in segments))
        headers = self.headers.copy()
        if body is not None:
            content = msgspec.json.encode(body)
            headers["content-type"] = "application/json"
        elif content is not None:
            headers["content-type"] = "application/x-ndjson"
        params = without_none(query or {})

        def build(deadline: Deadline) -> httpx2.Request:
            headers["x-request-timeout-ms"] = str(max(1, int(deadline.remaining() * 1000)))
            return self.http.build_request(
                method, url, params=params, content=content, headers=headers, extensions={"timeout": deadline}
            )

        return build

    @contextmanager
    def stream(self, path: str, query: Mapping[str, Any], timeout: float | None) -> Iterator[httpx2.Response]:
        """An answer that lasts as long as there is data. `timeout` bounds its beginning."""
        deadline = Deadline(self.timeout if timeout is None else timeout)
        request = self._request("GET", path, query=query)
        response = self._repeated(lambda: self._open(request(deadline), deadline), deadline, Repeat.ALWAYS)
        deadline.restart(LONGEST_SILENCE)
        try:
            with connection_errors(self.url):
                yield response
        finally:
            response.close()

    def _repeated(self, send: Callable[[], T], deadline: Deadline, repeat: Repeat) -> T:
        last: ContextManagerError | None = None
        attempt = 0
        try:
            with fail_after(deadline.seconds):
                while True:
                    attempt += 1
                    try:
                        with connection_errors(self.url, deadline):
                            return send()
                    except (ApiError, ConnectionFailed, UnexpectedAnswer) as error:
                        last = error
                    if attempt > self.max_retries or not may_repeat(last, repeat):
                        raise last
                    seconds = pause(last, attempt - 1)
                    if seconds >= deadline.remaining():
                        raise last
                    logger.info("attempt %d failed, again in %.1f s: %s", attempt, seconds, last)
                    sleep(seconds)
        except TimeoutError as error:
            raise deadline.exceeded(self.url, attempt, last) from error

    def _once(self, request: httpx2.Request, deadline: Deadline) -> tuple[httpx2.Response, bytes]:
        response = self._open(request, deadline)
        return response, self._read(response, deadline)

    def _open(self, request: httpx2.Request, deadline: Deadline) -> httpx2.Response:
        response = self.http.send(request, stream=True, follow_redirects=False)
        logger.debug("%s %s: %d", request.method, request.url.path, response.status_code)
        if response.is_success:
            return response
        raise failure(response, self._read(response, deadline), self.url)

    def _read(self, response: httpx2.Response, deadline: Deadline) -> bytes:
        body = bytearray()
        try:
            for piece in response.iter_bytes():
                body += piece
                if deadline.expired():
                    raise TimeoutError
        finally:
            response.close()
        return bytes(body)
