"""Settings of a client."""

from __future__ import annotations

import os

import httpx2

from . import __version__

DEFAULT_URL = "http://127.0.0.1:8080"
DEFAULT_TIMEOUT = 30.0
LONG_TIMEOUT = 3600.0
DEFAULT_RETRIES = 2


def server_url(url: str | None) -> str:
    text = url or os.environ.get("CONTEXT_MANAGER_URL") or DEFAULT_URL
    try:
        parsed = httpx2.URL(text.strip())
    except httpx2.InvalidURL as error:
        raise ValueError(f"the URL of the server is not one: {error}") from error
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise ValueError(f"the URL of the server must begin with http:// or https://, such as {DEFAULT_URL}")
    if parsed.userinfo:
        raise ValueError("the URL of the server must not hold a password: pass the key as api_key")
    return str(parsed.copy_with(query=None, fragment=None)).rstrip("/")


def headers(api_key: str | None) -> httpx2.Headers:
    """Headers of every request. Their `repr` hides the key."""
    key = (api_key or os.environ.get("CONTEXT_MANAGER_API_KEY") or "").strip()
    if not (key.isascii() and key.isprintable()):
        raise ValueError("the API key holds characters that no key has")
    fields = {"user-agent": f"context-manager-client-python/{__version__}"}
    return httpx2.Headers(fields | ({"authorization": f"Bearer {key}"} if key else {}))
