"""Errors of calls."""

from __future__ import annotations

from typing import Any

from .models import FieldError

_KEY = "Pass api_key=… or set CONTEXT_MANAGER_API_KEY; `context-manager keys create` makes a key."


class ContextManagerError(Exception):
    """Base class of the errors of this package."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _without_init, (type(self), self.args), self.__dict__


class ApiError(ContextManagerError):
    """A problem that the server answered with."""

    advice = ""

    def __init__(
        self,
        *,
        status: int,
        code: str,
        title: str,
        detail: str,
        request_id: str | None = None,
        retry_after: float | None = None,
        errors: list[FieldError] | None = None,
        problem: dict[str, Any] | None = None,
    ) -> None:
        self.status = status
        self.code = code
        """Kind of the error, such as `not_found`."""
        self.title = title
        self.detail = detail
        self.request_id = request_id
        """Id under which the server's log has the request."""
        self.retry_after = retry_after
        """Seconds after which to try again, where the server named them."""
        self.errors = errors or []
        """Fields that are not valid."""
        self.problem = problem or {}
        """The problem as it was sent."""
        super().__init__(str(self))

    def __str__(self) -> str:
        fields = [f"{error.pointer}: {error.detail}" for error in self.errors if error.detail not in self.detail]
        parts = [f"{self.status} {self.code}: {'; '.join([self.detail, *fields])}"]
        if self.retry_after is not None:
            parts.append(f"Retry after {self.retry_after:g} s")
        if self.advice:
            parts.append(self.advice)
        text = ". ".join(parts)
        return f"{text} (request {self.request_id})" if self.request_id else text


class InvalidRequest(ApiError):
    """The request is not valid; `errors` names the fields."""


class Unauthenticated(ApiError):
    """No key was sent, or a wrong, expired or revoked one."""

    advice = _KEY


class Forbidden(ApiError):
    """The key lacks the permission, or a quota is exhausted."""

    advice = "`context-manager keys list` shows the permissions of keys."


class NotFound(ApiError):
    """Nothing has this id."""


class Conflict(ApiError):
    """The id or the key is taken, or there is nothing to take back."""


class PayloadTooLarge(ApiError):
    """The text or the body is too large."""


class RateLimited(ApiError):
    """Too many calls; `retry_after` says when to go on."""


class ServerError(ApiError):
    """The server failed."""


class ServiceUnavailable(ServerError):
    """The server cannot serve the call at the moment. After a 504 a write may have been applied."""


class ConnectionFailed(ContextManagerError):
    """No connection could be made, or it broke off."""


class Interrupted(ConnectionFailed):
    """The connection broke off, so that a write may have been applied."""


class DeadlineExceeded(ContextManagerError, TimeoutError):
    """The call took longer than its timeout, retries included. A write may have been applied."""


class UnexpectedAnswer(ContextManagerError):
    """An answer that is not one of Context Manager, such as a page of a proxy."""

    def __init__(
        self, message: str, *, status: int, body: str, request_id: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = body
        """The first 200 characters of the answer."""
        self.request_id = request_id
        self.retry_after = retry_after


def _without_init(kind: type[ContextManagerError], args: tuple[Any, ...]) -> ContextManagerError:
    return kind.__new__(kind, *args)


_BY_STATUS: dict[int, type[ApiError]] = {
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: PayloadTooLarge,
    429: RateLimited,
    502: ServiceUnavailable,
    503: ServiceUnavailable,
    504: ServiceUnavailable,
}


def error_class(status: int) -> type[ApiError]:
    if status >= 500:  # noqa: PLR2004
        return _BY_STATUS.get(status, ServerError)
    return _BY_STATUS.get(status, InvalidRequest)
