"""The calls of the asynchronous store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from langgraph.store.base import GetOp, Item, ListNamespacesOp, Op, Result, SearchOp, TTLConfig

from .. import AsyncClient, NotFound
from ..models import Context
from ._items import MAX_AT_ONCE, Translation, is_selected, last_writes


class AsyncCalls(Translation):
    def __init__(
        self,
        client: AsyncClient,
        *,
        scope: str | None = None,
        index: Sequence[str] = ("$",),
        ttl: TTLConfig | None = None,
    ) -> None:
        super().__init__(scope, index, ttl)
        self._client = client

    async def _run(self, ops: Iterable[Op]) -> list[Result]:
        ops = list(ops)
        results = [await self._read(op) for op in ops]
        stored, deleted = last_writes(ops)
        for op in deleted:
            await self._client.delete_context_by_key(**self._name(op))
        for op in stored:
            written = await self._client.store_context_by_key(**self._new_context(op))
            # Storing the same again changes nothing, not even the time of expiry.
            if op.ttl is not None and written.deduplicated:
                await self._refresh(written.id, written.metadata)
        return results

    async def _read(self, op: Op) -> Result:
        match op:
            case GetOp():
                return await self._get(op)
            case SearchOp():
                return [self._search_item(context) for context in await self._search(op)]
            case ListNamespacesOp():
                scopes = self._client.list_scopes(prefix=self._prefix(op), limit=MAX_AT_ONCE)
                return self._namespaces(op, [found.scope async for found in scopes])
        return None

    async def _get(self, op: GetOp) -> Item | None:
        try:
            context = await self._client.get_context_by_key(**self._name(op))
        except NotFound:
            return None
        if op.refresh_ttl:
            await self._refresh(context.id, context.metadata)
        return self._item(context)

    async def _search(self, op: SearchOp) -> list[Context]:
        found = await self._ranked(op) if op.query else await self._listed(op)
        found = found[op.offset : op.offset + op.limit]
        if op.refresh_ttl:
            for context in found:
                await self._refresh(context.id, context.metadata)
        return found

    async def _ranked(self, op: SearchOp) -> list[Context]:
        found: list[Context] = []
        for search in self._searches(op):
            contexts = (await self._client.search_contexts(**search)).contexts
            found = [context for context in contexts if is_selected(context, op)]
            if len(found) >= op.offset + op.limit or len(contexts) < search["limit"]:
                break
        return found

    async def _listed(self, op: SearchOp) -> list[Context]:
        found: list[Context] = []
        async for context in self._client.list_contexts(**self._list(op)):
            if is_selected(context, op):
                found.append(context)
            if len(found) >= op.offset + op.limit:
                break
        return found

    async def _refresh(self, id: str, metadata: dict[str, Any] | None) -> None:
        if ttl_secs := (metadata or {}).get("ttl_secs"):
            await self._client.update_context(id, ttl_secs=ttl_secs)
