"""Toolset of Pydantic AI: a model searches, stores and forgets memories."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, cast

from pydantic_ai import FunctionToolset, RunContext

from . import AsyncClient, ContextManagerError
from .params import Filter

__all__ = ["ContextManagerToolset"]

logger = logging.getLogger(__name__)

_INSTRUCTIONS = (
    "You have a long-term memory. Call memory_search before you answer what refers to the past, to the user's "
    "preferences, or to people and projects you do not know. Call memory_store when the user states a lasting fact, "
    "preference, decision or correction."
)


class ContextManagerToolset(FunctionToolset[Any]):
    """Tools over an `AsyncClient`, for the memories of a user, an agent and a scope.

    `user_id` may be a function of the run's context, such as `lambda run: run.deps.user_id`, so that one agent serves
    many users. A memory that is away is an answer that the model reads; it ends no run.
    """

    def __init__(
        self,
        client: AsyncClient,
        *,
        user_id: str | Callable[[RunContext[Any]], str] | None = None,
        agent_id: str | None = None,
        scope: str | None = None,
    ) -> None:
        super().__init__([self.memory_search, self.memory_store, self.memory_forget], instructions=_INSTRUCTIONS)
        self._client = client
        self._user_id = user_id
        self._owner: dict[str, Any] = {"agent_id": agent_id, "scope": scope}

    async def memory_search(self, run: RunContext[Any], query: str, limit: int = 5) -> dict[str, Any]:
        """Look up what was said, decided, preferred or tried before.

        No memories in the result mean that nothing relevant is known.

        Args:
            query: What to look for, as a full question or statement.
            limit: Maximum number of memories, 1 to 50.
        """
        try:
            found = await self._client.search_contexts(query=query, limit=limit, **self._whose(run))
        except ContextManagerError as error:
            return _failed(error)
        return {
            "memories": [
                {"id": context.id, "text": context.text, "at": context.occurred_at.isoformat()}
                for context in found.contexts
                if context.score >= found.floor
            ]
        }

    async def memory_store(self, run: RunContext[Any], text: str, replaces: str | None = None) -> dict[str, Any]:
        """Keep one lasting fact, preference, decision or correction.

        Args:
            text: The fact in one sentence that can stand alone, with names and dates.
            replaces: Id of the memory that this one corrects.
        """
        supersedes = [replaces] if replaces else None
        try:
            stored = await self._client.store_context(
                text=text, origin="agent", supersedes=supersedes, **self._whose(run)
            )
        except ContextManagerError as error:
            return _failed(error)
        return {"stored": stored.id}

    async def memory_forget(self, run: RunContext[Any], id: str) -> dict[str, Any]:
        """Delete one memory, when the user asks for it.

        Args:
            id: Id of the memory, from memory_search.
        """
        mine = cast("Filter", {"ids": [id], **self._whose(run)})
        try:
            answer = await self._client.delete_contexts(filter=mine)
        except ContextManagerError as error:
            return _failed(error)
        return {"deleted": answer.deleted}

    def _whose(self, run: RunContext[Any]) -> dict[str, Any]:
        user_id = self._user_id(run) if callable(self._user_id) else self._user_id
        return {"user_id": user_id, **self._owner}


def _failed(error: ContextManagerError) -> dict[str, Any]:
    logger.warning("a memory tool failed: %s", error)
    return {"error": f"The memory did not take this call: {error}"}
