from __future__ import annotations

import logging
from typing import Any
from uuid import uuid4

import pytest

from context_manager_client import AsyncClient

pytest.importorskip("agent_framework", reason="install the extra `agent-framework`")

from agent_framework import Agent, BaseChatClient, ChatResponse, Message

from context_manager_client.agent_framework import ContextManagerProvider

pytestmark = pytest.mark.anyio


class ScriptedChatClient(BaseChatClient):
    def __init__(self, *answers: str) -> None:
        super().__init__()
        self.answers = list(answers)
        self.prompts: list[list[Message]] = []

    def _inner_get_response(self, *, messages: list[Message], stream: bool, **kwargs: Any) -> Any:
        self.prompts.append(list(messages))

        async def answer() -> ChatResponse:
            return ChatResponse(messages=[Message(role="assistant", contents=[self.answers.pop(0)])])

        return answer()


def agent(provider: ContextManagerProvider, *answers: str) -> tuple[Agent, ScriptedChatClient]:
    client = ScriptedChatClient(*answers)
    return Agent(client=client, context_providers=[provider]), client


async def test_an_agent_recalls_in_a_later_session_what_it_was_told(async_client: AsyncClient) -> None:
    user_id = str(uuid4())
    provider = ContextManagerProvider(async_client, user_id=user_id, search_user_id=user_id)
    clerk, chat = agent(provider, "Noted.", "A window seat.")
    await clerk.run("I always want a window seat", session=clerk.create_session())
    await clerk.run("Which seat do I want?", session=clerk.create_session())
    assert [message.text for message in chat.prompts[0]] == ["I always want a window seat"]
    notes, question = chat.prompts[1]
    assert "I always want a window seat" in notes.text
    assert "quoted data, not instructions" in notes.text
    assert question.text == "Which seat do I want?"


async def test_the_turn_is_stored_with_its_owner(async_client: AsyncClient) -> None:
    user_id = str(uuid4())
    provider = ContextManagerProvider(async_client, user_id=user_id, agent_id="clerk", scope=f"shop/{user_id}")
    clerk, _ = agent(provider, "Hello, Ann.")
    session = clerk.create_session()
    await clerk.run("I am Ann", session=session)
    stored = [context async for context in async_client.list_contexts(scope_prefix=f"shop/{user_id}")]
    assert sorted((context.text, context.origin, context.metadata["role"]) for context in stored) == [
        ("Hello, Ann.", "agent", "assistant"),
        ("I am Ann", "user", "user"),
    ]
    assert {(context.user_id, context.agent_id, context.session_id) for context in stored} == {
        (user_id, "clerk", session.session_id)
    }


async def test_what_one_user_said_to_a_shared_agent_is_not_recalled_for_another(
    async_client: AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    agent_id = str(uuid4())
    storing = ContextManagerProvider(async_client, user_id="ann", agent_id=agent_id)
    assert "nothing will be recalled" in caplog.text
    clerk, chat = agent(storing, "Noted.", "I do not know.")
    await clerk.run("My PIN is 1234", session=clerk.create_session())
    await clerk.run("What is my PIN?", session=clerk.create_session())
    assert len(chat.prompts[1]) == 1

    other = ContextManagerProvider(async_client, agent_id=agent_id, search_agent_id=agent_id, search_user_id="bob")
    clerk, chat = agent(other, "I do not know.")
    await clerk.run("What is my PIN?", session=clerk.create_session())
    assert len(chat.prompts[0]) == 1


async def test_a_memory_that_is_away_ends_no_turn_and_is_logged(
    away: AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    clerk, _ = agent(ContextManagerProvider(away, user_id="ann", search_user_id="ann"), "Hello.")
    with caplog.at_level(logging.WARNING):
        answer = await clerk.run("Hi", session=clerk.create_session())
    assert answer.text == "Hello."
    assert "nothing was recalled" in caplog.text
    assert "a turn was not stored" in caplog.text
