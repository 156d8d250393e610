"""Memory service of Google's Agent Development Kit: what was said in a user's sessions, found in later ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from google.adk.memory.base_memory_service import BaseMemoryService, SearchMemoryResponse
from google.adk.memory.memory_entry import MemoryEntry
from google.genai.types import Content, Part

from . import AsyncClient
from ._turns import check, message
from .models import FoundContext
from .params import NewContext

if TYPE_CHECKING:
    from google.adk.events.event import Event
    from google.adk.sessions.session import Session

__all__ = ["ContextManagerMemoryService"]


class ContextManagerMemoryService(BaseMemoryService):
    """Memories of a user of an app: `user_id` is the server's, `app_name` its `agent_id`.

    A search returns at most `limit` memories, and none below the server's relevance floor. An event is stored once,
    however often its session is added. `custom_metadata` becomes metadata, except `ttl_secs`, after which they expire.
    """

    def __init__(self, client: AsyncClient, *, limit: int = 10) -> None:
        self._client = client
        self._limit = limit

    async def add_session_to_memory(self, session: Session) -> None:
        await self.add_events_to_memory(
            app_name=session.app_name, user_id=session.user_id, events=session.events, session_id=session.id
        )

    async def add_events_to_memory(
        self,
        *,
        app_name: str,
        user_id: str,
        events: Sequence[Event],
        session_id: str | None = None,
        custom_metadata: Mapping[str, object] | None = None,
    ) -> None:
        await self._store(
            context
            for event in events
            if event.content and not event.partial
            for context in _contexts(
                event.content,
                author=event.author,
                name=f"{app_name}\0{user_id}\0{session_id or ''}\0{event.id}",
                custom_metadata=custom_metadata,
                user_id=user_id,
                agent_id=app_name,
                session_id=session_id,
                occurred_at=datetime.fromtimestamp(event.timestamp, timezone.utc),
            )
        )

    async def add_memory(
        self,
        *,
        app_name: str,
        user_id: str,
        memories: Sequence[MemoryEntry],
        custom_metadata: Mapping[str, object] | None = None,
    ) -> None:
        await self._store(
            context
            for memory in memories
            for context in _contexts(
                memory.content,
                author=memory.author,
                name=f"{app_name}\0{user_id}\0{memory.id}" if memory.id else None,
                custom_metadata={**memory.custom_metadata, **(custom_metadata or {})},
                user_id=user_id,
                agent_id=app_name,
                occurred_at=memory.timestamp,
            )
        )

    async def search_memory(self, *, app_name: str, user_id: str, query: str) -> SearchMemoryResponse:
        found = await self._client.search_contexts(query=query, user_id=user_id, agent_id=app_name, limit=self._limit)
        return SearchMemoryResponse(
            memories=[_memory(context) for context in found.contexts if context.score >= found.floor]
        )

    async def delete_memory(self, *, app_name: str, user_id: str, memory_id: str | None = None) -> None:
        if memory_id:
            await self._client.delete_contexts(filter={"ids": [memory_id], "user_id": user_id, "agent_id": app_name})

    async def _store(self, contexts: Iterable[NewContext]) -> None:
        contexts = list(contexts)
        for first in range(0, len(contexts), 1_000):
            answer = await self._client.store_contexts(contexts[first : first + 1_000])
            # The id of a memory that was corrected since it was added.
            check(answer, ignored=[HTTPStatus.CONFLICT])


def _contexts(
    content: Content, *, author: str | None, custom_metadata: Mapping[str, Any] | None, **fields: Any
) -> Iterable[NewContext]:
    metadata = dict(custom_metadata or {})
    if "ttl_secs" in metadata:
        fields["ttl_secs"] = metadata.pop("ttl_secs")
    if author:
        metadata["author"] = author
    text = "\n".join(part.text for part in content.parts or [] if part.text and not part.thought)
    role = "user" if author == "user" or content.role == "user" else "assistant"
    return message(role, text, metadata=metadata, **fields)


def _memory(context: FoundContext) -> MemoryEntry:
    metadata = dict(context.metadata)
    role = "user" if metadata.pop("role", None) == "user" else "model"
    return MemoryEntry(
        id=context.id,
        author=metadata.pop("author", None),
        content=Content(role=role, parts=[Part(text=context.text)]),
        timestamp=context.occurred_at.isoformat(),
        custom_metadata=metadata,
    )
