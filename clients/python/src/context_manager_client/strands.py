"""Memory store of Strands Agents: facts and messages that its memory manager writes and finds again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from strands.memory import AddMessagesContext, ExtractionConfig, MemoryEntry, MemoryStore, SearchOptions
from strands.types.content import Message

from . import AsyncClient
from ._turns import check, message
from .params import NewContext

__all__ = ["ContextManagerMemoryStore"]


class ContextManagerMemoryStore(MemoryStore):
    """Store over an `AsyncClient`, for the memories of a user, an agent and a scope.

    With `extraction` the manager hands over the messages of the conversation, without a call of a model.
    A search returns nothing below the server's relevance floor.
    """

    def __init__(
        self,
        client: AsyncClient,
        *,
        name: str = "context-manager",
        description: str | None = None,
        max_search_results: int | None = None,
        writable: bool = True,
        extraction: ExtractionConfig | bool | None = None,
        user_id: str | None = None,
        agent_id: str | None = None,
        scope: str | None = None,
        session_id: str | None = None,
    ) -> None:
        self.name = name
        self.description = description
        self.max_search_results = max_search_results
        self.writable = writable
        self.extraction = extraction
        self._client = client
        self._owner: dict[str, Any] = {"user_id": user_id, "agent_id": agent_id, "scope": scope}
        self._session_id = session_id

    async def search(self, query: str, options: SearchOptions | None = None) -> list[MemoryEntry]:
        limit = (options or {}).get("max_search_results") or self.max_search_results
        found = await self._client.search_contexts(query=query, limit=limit, **self._owner)
        return [
            MemoryEntry(
                content=context.text,
                metadata={
                    **context.metadata,
                    "id": context.id,
                    "score": context.score,
                    "occurred_at": context.occurred_at.isoformat(),
                },
            )
            for context in found.contexts
            if context.score >= found.floor
        ]

    async def add(self, content: str, metadata: dict[str, Any] | None = None) -> str:
        stored = await self._client.store_context(
            text=content, metadata=metadata, origin="agent", session_id=self._session_id, **self._owner
        )
        return stored.id

    async def add_messages(self, messages: list[Message], context: AddMessagesContext | None = None) -> None:
        # The same text of the same session is stored once, so a batch that comes again needs no sequence numbers.
        contexts = [part for said in messages for part in self._parts(said)]
        if contexts:
            check(await self._client.store_contexts(contexts))

    def _parts(self, said: Message) -> Iterator[NewContext]:
        text = "\n".join(block["text"] for block in said["content"] if "text" in block)
        return message(said["role"], text, session_id=self._session_id, **self._owner)
