"""LangGraph stores: values under a namespace and a key, found by what they say.

A namespace is a scope of the server. A value stands in the metadata of a context; the text of that context, made from
the value's indexed fields, is what searches find, those of other clients included.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from langgraph.store.base import Op, Result

from ._async import AsyncCalls
from ._sync import Calls

__all__ = ["AsyncContextManagerStore", "ContextManagerStore"]


class ContextManagerStore(Calls):
    """Store over a `Client`. Its asynchronous methods run in threads.

    `scope` is the path below which all namespaces stand. `index` names the fields that searches read, in the syntax of
    LangGraph's index configuration: by default the whole value. Items expire by `ttl`, as in LangGraph's other stores.
    """

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        return self._run(ops)

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        return await asyncio.to_thread(self._run, list(ops))


class AsyncContextManagerStore(AsyncCalls):
    """Store over an `AsyncClient`, with the arguments of `ContextManagerStore`. It has asynchronous methods only."""

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        raise NotImplementedError(
            "this store is asynchronous: await aget, aput and the like, or use ContextManagerStore"
        )

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        return await self._run(ops)
