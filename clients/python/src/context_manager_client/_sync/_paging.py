"""Lists that are fetched page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar


class Page(Protocol):
    @property
    def next_cursor(self) -> str | None: ...


P = TypeVar("P", bound=Page)
T = TypeVar("T")


class Pages(Generic[P, T]):
    """All items of a list; pages are fetched as they are needed."""

    def __init__(self, fetch: Callable[[str | None], P], items: Callable[[P], list[T]], cursor: str | None) -> None:
        self._fetch = fetch
        self._items = items
        self._cursor = cursor

    def pages(self) -> Iterator[P]:
        """The pages, with their `next_cursor`."""
        cursor = self._cursor
        while True:
            page = self._fetch(cursor)
            yield page
            cursor = page.next_cursor
            if cursor is None:
                return

    def __iter__(self) -> Iterator[T]:
        for page in self.pages():
            for item in self._items(page):
                yield item
