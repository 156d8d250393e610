"""Rules of a call that need no connection: its time, its pauses, its repetition, and the reading of its answer."""

from __future__ import annotations

import enum
import logging
import math
import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx2
import msgspec

from ._errors import (
    ApiError,
    ConnectionFailed,
    ContextManagerError,
    DeadlineExceeded,
    Interrupted,
    UnexpectedAnswer,
    error_class,
)
from .models import FieldError

T = TypeVar("T")

logger = logging.getLogger("context_manager_client")

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 10.0
# The server sends a comment every 15 seconds where it has nothing else to send.
LONGEST_SILENCE = 60.0
RECONNECT_PAUSE = 1.0
EXCERPT = 200


class Repeat(enum.Enum):
    """Calls that may be sent again after a failure."""

    ALWAYS = "reads, writes under an id, and writes that leave the same state when done twice"
    IF_NOT_BEGUN = "only if there was no connection, or the server refused the call for its rate"


class Deadline(Mapping[str, float]):
    """The time left of a call.

    As the `timeout` of a request it gives each step (`connect`, `write`, `read`) what is left when the step begins.
    """

    def __init__(self, seconds: float) -> None:
        if not 0 < seconds < math.inf:
            raise ValueError("a timeout must be a positive number of seconds")
        self.seconds = seconds
        self.restart(seconds)

    def restart(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def remaining(self) -> float:
        return max(0.0, self._end - time.monotonic())

    def expired(self) -> bool:
        return self.remaining() == 0.0

    def __getitem__(self, step: str) -> float:
        # A socket's timeout of 0 would mean not to wait at all.
        return max(0.001, self.remaining())

    def __iter__(self) -> Iterator[str]:
        return iter(("connect", "read", "write", "pool"))

    def __len__(self) -> int:
        return 4

    def exceeded(self, url: str, attempts: int, last: Exception | None) -> DeadlineExceeded:
        text = f"no answer of {url} within {self.seconds:g} s ({attempts} attempt{'s' if attempts != 1 else ''})"
        if last is not None:
            text += f"; before: {last}"
        return DeadlineExceeded(f"{text}. A write may have been applied. Pass a longer timeout=… to wait longer.")


def pause(error: ContextManagerError, attempt: int) -> float:
    """Seconds before the next attempt: any up to a bound that doubles, after those that the server asked for."""
    jitter = random.uniform(0, min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(attempt, 10)))  # noqa: S311
    return (getattr(error, "retry_after", None) or 0.0) + jitter


def may_repeat(error: Exception, repeat: Repeat) -> bool:
    if isinstance(error, ConnectionFailed):
        return repeat is Repeat.ALWAYS or not isinstance(error, Interrupted)
    if isinstance(error, (ApiError, UnexpectedAnswer)):
        return error.status == 429 or (repeat is Repeat.ALWAYS and error.status in {502, 503, 504})  # noqa: PLR2004
    return False


@contextmanager
def connection_errors(url: str) -> Iterator[None]:
    """Raises errors of the connection as those of this package, and an end of the time as `TimeoutError`."""
    try:
        yield
    except httpx2.TimeoutException as error:
        raise TimeoutError(_reason(error)) from error
    except httpx2.ConnectError as error:
        raise ConnectionFailed(
            f"no connection to {url}: {_reason(error)}."
            " Is the server running (`context-manager serve`), and is this its address?"
        ) from error
    except (httpx2.TransportError, httpx2.DecodingError) as error:
        raise Interrupted(
            f"the connection to {url} broke off: {_reason(error)}. A write may have been applied."
        ) from error


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


def failure(response: httpx2.Response, body: bytes, url: str) -> ContextManagerError:
    """The error for an answer other than success."""
    try:
        problem = msgspec.json.decode(body, type=_Problem)
    except msgspec.DecodeError:
        return unexpected(response, body, url)
    return error_class(response.status_code)(
        status=response.status_code,
        code=problem.code,
        title=problem.title,
        detail=problem.detail,
        request_id=problem.request_id or response.headers.get("x-request-id"),
        retry_after=retry_after(response.headers.get("retry-after")),
        errors=problem.errors,
        problem=msgspec.json.decode(body),
    )


def decoded(response: httpx2.Response, body: bytes, kind: type[T], url: str) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise unexpected(response, body, url, str(error)) from error


def unexpected(response: httpx2.Response, body: bytes, url: str, reason: str = "") -> UnexpectedAnswer:
    if response.has_redirect_location:
        reason = f"it redirects to {response.headers['location']}"
    excerpt = body[: 4 * EXCERPT].decode(errors="replace")[:EXCERPT]
    text = f"{response.status_code} with {response.headers.get('content-type', 'no content type')}"
    text += f" is no answer of Context Manager{f' ({reason})' if reason else ''}."
    text += f" Is {url} the address of a Context Manager server, and is a proxy in between? It began: {excerpt!r}"
    return UnexpectedAnswer(
        text,
        status=response.status_code,
        body=excerpt,
        request_id=response.headers.get("x-request-id"),
        retry_after=retry_after(response.headers.get("retry-after")),
    )


def is_media(response: httpx2.Response, media: str) -> bool:
    kind: str = response.headers.get("content-type", "")
    return response.status_code == httpx2.codes.NO_CONTENT or kind.partition(";")[0].strip().lower() == media


def retry_after(value: str | None) -> float | None:
    """Reads `Retry-After`: seconds, or a date."""
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        when = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (when - datetime.now(timezone.utc)).total_seconds())


class _Problem(msgspec.Struct):
    code: str
    title: str
    detail: str
    request_id: str | None = None
    errors: list[FieldError] = []


def without_none(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def with_id(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A context or message with an id, which makes it one that is stored once. A key identifies it already."""
    if fields.get("id") is not None or fields.get("key") is not None:
        return dict(fields)
    return {**fields, "id": str(uuid4())}


def is_uuid(value: Any) -> bool:
    try:
        UUID(str(value))
    except ValueError:
        return False
    return True


def segment(text: str) -> str:
    """A part of a path, whatever it holds."""
    return quote(text, safe="") if text.strip(".") else text.replace(".", "%2E")
