"""Session of the OpenAI Agents SDK: the history of a conversation, kept by the server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

from agents.memory import SessionABC, SessionSettings
from agents.memory.session_settings import resolve_session_limit

from . import AsyncClient
from ._turns import check

if TYPE_CHECKING:
    from agents import TResponseInputItem

__all__ = ["ContextManagerSession"]

_MAX_ITEMS = 1_000
_MAX_TOKENS = 1_000_000
_ITEM_ID = "item_id"


class ContextManagerSession(SessionABC):
    """History of the conversation `session_id`. At most the latest 1,000 items are returned.

    `user_id`, `agent_id` and `scope` say to whom the items belong: searches of the session find them too.
    """

    def __init__(
        self,
        session_id: str,
        client: AsyncClient,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        scope: str | None = None,
        session_settings: SessionSettings | None = None,
    ) -> None:
        self.session_id = session_id
        self.session_settings = session_settings or SessionSettings()
        self._client = client
        self._owner: dict[str, Any] = {"user_id": user_id, "agent_id": agent_id, "scope": scope}

    async def get_items(self, limit: int | None = None) -> list[TResponseInputItem]:
        limit = resolve_session_limit(limit, self.session_settings)
        if limit is not None and limit <= 0:
            return []
        limit = min(limit or _MAX_ITEMS, _MAX_ITEMS)
        answer = await self._client.list_messages(self.session_id, limit=limit)
        return [_item(message) for message in answer.messages]

    async def add_items(self, items: list[TResponseInputItem]) -> None:
        messages = [_message(item) for item in items]
        for first in range(0, len(messages), _MAX_ITEMS):
            check(
                await self._client.store_messages(self.session_id, messages[first : first + _MAX_ITEMS], **self._owner)
            )

    async def pop_item(self) -> TResponseInputItem | None:
        message = (await self._client.pop_message(self.session_id)).message
        return None if message is None else _item(message)

    async def clear_session(self) -> None:
        await self._client.clear_messages(self.session_id)


def _message(item: TResponseInputItem) -> dict[str, Any]:
    """The item under an id of ours, by which a repeated call stores it once; its own, if any, stands beside it."""
    message = dict(item)
    if "id" in message:
        message[_ITEM_ID] = message["id"]
    return {**message, "id": str(uuid4())}


def _item(message: dict[str, Any]) -> TResponseInputItem:
    item = {name: value for name, value in message.items() if name not in ("id", _ITEM_ID)}
    if _ITEM_ID in message:
        item["id"] = message[_ITEM_ID]
    return cast("TResponseInputItem", item)
