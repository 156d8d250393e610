"""Client for Context Manager, a self-hosted memory for LLM agents."""

__version__ = "0.1.0"

from . import models, params
from ._async._client import AsyncClient
from ._async._paging import AsyncPages
from ._errors import (
    ApiError,
    Conflict,
    ConnectionFailed,
    ContextManagerError,
    DeadlineExceeded,
    Forbidden,
    Interrupted,
    InvalidRequest,
    NotFound,
    PayloadTooLarge,
    RateLimited,
    ServerError,
    ServiceUnavailable,
    Unauthenticated,
    UnexpectedAnswer,
)
from ._sync._client import Client
from ._sync._paging import Pages
from .events import Event

__all__ = [
    "ApiError",
    "AsyncClient",
    "AsyncPages",
    "Client",
    "Conflict",
    "ConnectionFailed",
    "ContextManagerError",
    "DeadlineExceeded",
    "Event",
    "Forbidden",
    "Interrupted",
    "InvalidRequest",
    "NotFound",
    "Pages",
    "PayloadTooLarge",
    "RateLimited",
    "ServerError",
    "ServiceUnavailable",
    "Unauthenticated",
    "UnexpectedAnswer",
    "models",
    "params",
]
