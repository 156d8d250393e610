"""Memory block of LlamaIndex: what left the short-term memory, and that of earlier sessions, recalled for a chat."""

from __future__ import annotations

from typing import Any

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.bridge.pydantic import Field
from llama_index.core.memory import BaseMemoryBlock

from . import AsyncClient
from ._turns import message, recall, store

__all__ = ["ContextManagerMemoryBlock"]

_QUERY_MESSAGES = 4
_CHARACTERS_PER_TOKEN = 4


class ContextManagerMemoryBlock(BaseMemoryBlock[str]):
    """Block over an `AsyncClient`: recalls at most `max_tokens` of what it stored of this user, agent and scope."""

    name: str = "context_manager"
    client: AsyncClient = Field(exclude=True)
    user_id: str | None = None
    agent_id: str | None = None
    scope: str | None = None
    max_tokens: int = 1_000
    timeout: float = 5

    async def _aget(self, messages: list[ChatMessage] | None = None, **block_kwargs: Any) -> str:
        said = [{"role": said.role.value, "content": said.content} for said in messages or [] if said.content]
        query = [said for said in said if said["role"] in ("user", "assistant")][-_QUERY_MESSAGES:]
        if not query:
            return ""
        return await recall(self.client, query=query, max_tokens=self.max_tokens, timeout=self.timeout, **self._owner())

    async def _aput(self, messages: list[ChatMessage]) -> None:
        await store(
            self.client,
            (
                part
                for said in messages
                if said.content and said.role.value in ("user", "assistant")
                for part in message(
                    said.role.value,
                    said.content,
                    session_id=said.additional_kwargs.get("session_id"),
                    **self._owner(),
                )
            ),
        )

    async def atruncate(self, content: str, tokens_to_truncate: int) -> str | None:
        """Cuts notes off the end, where those of the least weight stand."""
        kept = content[: -tokens_to_truncate * _CHARACTERS_PER_TOKEN].rpartition("\n\n")[0]
        return kept or None

    def _owner(self) -> dict[str, Any]:
        return {"user_id": self.user_id, "agent_id": self.agent_id, "scope": self.scope}
