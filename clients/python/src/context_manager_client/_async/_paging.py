"""Lists that are fetched page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Generic, Protocol, TypeVar


class Page(Protocol):
    @property
    def next_cursor(self) -> str | None: ...


P = TypeVar("P", bound=Page)
T = TypeVar("T")


class AsyncPages(Generic[P, T]):
    """All items of a list; pages are fetched as they are needed."""

    def __init__(
        self, fetch: Callable[[str | None], Awaitable[P]], items: Callable[[P], list[T]], cursor: str | None
    ) -> None:
        self._fetch = fetch
        self._items = items
        self._cursor = cursor

    async def pages(self) -> AsyncIterator[P]:
        """The pages, with their `next_cursor`."""
        cursor = self._cursor
        while True:
            page = await self._fetch(cursor)
            yield page
            cursor = page.next_cursor
            if cursor is None:
                return

    async def __aiter__(self) -> AsyncIterator[T]:
        async for page in self.pages():
            for item in self._items(page):
                yield item
