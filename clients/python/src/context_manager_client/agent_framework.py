"""Context provider of the Microsoft Agent Framework: notes before a run, its messages stored afterwards."""

from __future__ import annotations

import logging
from typing import Any

from agent_framework import AgentSession, ContextProvider, Message, SessionContext, SupportsAgentRun

from . import AsyncClient
from ._turns import message, recall, store

__all__ = ["ContextManagerProvider"]

logger = logging.getLogger(__name__)


class ContextManagerProvider(ContextProvider):
    """Provider over an `AsyncClient`.

    `user_id`, `agent_id` and `scope` are those of what it stores. What it recalls belongs to `search_user_id`, to
    `search_agent_id` and to the scopes below `search_scope`, to all that are given. They are never taken from the
    former: what one user said to a shared agent is not recalled for another. Without any of them nothing is recalled.
    """

    def __init__(
        self,
        client: AsyncClient,
        *,
        source_id: str = "context_manager",
        user_id: str | None = None,
        agent_id: str | None = None,
        scope: str | None = None,
        search_user_id: str | None = None,
        search_agent_id: str | None = None,
        search_scope: str | None = None,
        max_tokens: int = 1_000,
        timeout: float = 5,
    ) -> None:
        super().__init__(source_id)
        self._client = client
        self._owner: dict[str, Any] = {"user_id": user_id, "agent_id": agent_id, "scope": scope}
        searched = {"user_id": search_user_id, "agent_id": search_agent_id, "scope_prefix": search_scope}
        self._filter: dict[str, Any] = {name: value for name, value in searched.items() if value}
        self._limits: dict[str, Any] = {"max_tokens": max_tokens, "timeout": timeout}
        if not self._filter:
            logger.warning("nothing will be recalled: set search_user_id, search_agent_id or search_scope")

    async def before_run(
        self, *, agent: SupportsAgentRun, session: AgentSession, context: SessionContext, state: dict[str, Any]
    ) -> None:
        query = [{"role": message.role, "content": message.text} for message in context.input_messages if message.text]
        if not query or not self._filter:
            return
        notes = await recall(self._client, query=query, filter=self._filter, **self._limits)
        if notes:
            context.extend_messages(self, [Message(role="user", contents=[notes])])

    async def after_run(
        self, *, agent: SupportsAgentRun, session: AgentSession, context: SessionContext, state: dict[str, Any]
    ) -> None:
        messages = [*context.input_messages, *(context.response.messages if context.response else [])]
        await store(
            self._client,
            (
                part
                for said in messages
                if said.role in ("user", "assistant")
                for part in message(said.role, said.text, session_id=context.session_id, **self._owner)
            ),
        )
