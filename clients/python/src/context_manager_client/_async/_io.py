"""Waiting, where the two clients differ."""

from anyio import fail_after, sleep

__all__ = ["fail_after", "sleep"]
