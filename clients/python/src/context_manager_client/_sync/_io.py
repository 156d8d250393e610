"""Waiting, where the two clients differ."""

from contextlib import nullcontext as fail_after  # the timeouts of the request bound its steps
from time import sleep

__all__ = ["fail_after", "sleep"]
