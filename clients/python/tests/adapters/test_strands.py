from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from context_manager_client import AsyncClient

pytest.importorskip("strands", reason="install the extra `strands`")

from strands import Agent
from strands.memory import AddMessagesContext, MemoryManager
from strands.models import Model

from context_manager_client.strands import ContextManagerMemoryStore

pytestmark = pytest.mark.anyio


class ScriptedModel(Model):
    """A model that answers texts, and calls tools where the script has their inputs."""

    def __init__(self, *answers: str | tuple[str, dict[str, Any]]) -> None:
        self.answers = list(answers)
        self.prompts: list[str] = []

    def update_config(self, **config: Any) -> None:
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        return {}

    def structured_output(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError

    async def stream(self, messages: Any, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        self.prompts.append(json.dumps(messages))
        answer = self.answers.pop(0)
        yield {"messageStart": {"role": "assistant"}}
        if isinstance(answer, str):
            yield {"contentBlockStart": {"start": {}}}
            yield {"contentBlockDelta": {"delta": {"text": answer}}}
        else:
            name, arguments = answer
            yield {"contentBlockStart": {"start": {"toolUse": {"name": name, "toolUseId": "t-1"}}}}
            yield {"contentBlockDelta": {"delta": {"toolUse": {"input": json.dumps(arguments)}}}}
        yield {"contentBlockStop": {}}
        yield {"messageStop": {"stopReason": "end_turn" if isinstance(answer, str) else "tool_use"}}


def agent(
    store: ContextManagerMemoryStore, *answers: str | tuple[str, dict[str, Any]], **options: Any
) -> tuple[Agent, ScriptedModel, MemoryManager]:
    model = ScriptedModel(*answers)
    manager = MemoryManager(stores=[store], **options)
    return Agent(model=model, memory_manager=manager, callback_handler=None), model, manager


async def test_notes_of_an_earlier_conversation_are_injected(async_client: AsyncClient) -> None:
    user_id = str(uuid4())
    clerk, _, manager = agent(ContextManagerMemoryStore(async_client, user_id=user_id, extraction=True), "Noted.")
    await clerk.invoke_async("I want a window seat")
    await manager.flush()

    clerk, model, _ = agent(ContextManagerMemoryStore(async_client, user_id=user_id), "A window seat.")
    await clerk.invoke_async("Which seat do I want?")
    assert "I want a window seat" in model.prompts[0]


async def test_the_model_adds_and_searches(async_client: AsyncClient) -> None:
    store = ContextManagerMemoryStore(async_client, user_id=str(uuid4()))
    clerk, model, _ = agent(
        store,
        ("add_memory", {"entries": ["Ann wants a window seat"]}),
        ("search_memory", {"query": "Which seat does Ann want?"}),
        "Done.",
        add_tool_config=True,
        injection=False,
    )
    await clerk.invoke_async("Go on.")
    assert "Ann wants a window seat" in model.prompts[2].rpartition("toolResult")[2]


async def test_a_batch_that_comes_again_is_stored_once(async_client: AsyncClient) -> None:
    user_id = str(uuid4())
    store = ContextManagerMemoryStore(async_client, user_id=user_id, session_id="s-1")
    messages: list[Any] = [
        {"role": "user", "content": [{"text": "I am Ann"}]},
        {"role": "assistant", "content": [{"toolUse": {"name": "x", "toolUseId": "1", "input": {}}}]},
        {"role": "assistant", "content": [{"text": "Hello, "}, {"text": "Ann."}]},
    ]
    for _ in range(2):
        await store.add_messages(messages, AddMessagesContext(sequence_numbers=[0, 1, 2]))
    stored = [context async for context in async_client.list_contexts(user_id=user_id)]
    assert sorted((context.text, context.origin, context.session_id) for context in stored) == [
        ("Hello, \nAnn.", "agent", "s-1"),
        ("I am Ann", "user", "s-1"),
    ]


async def test_a_search_finds_what_is_relevant_of_this_user(async_client: AsyncClient) -> None:
    ann, bob = (ContextManagerMemoryStore(async_client, user_id=f"{name}-{uuid4()}") for name in ("ann", "bob"))
    context_id = await ann.add("The PIN is 1234", {"topic": "bank"})
    (entry,) = await ann.search("What is the PIN?", {"max_search_results": 3})
    assert entry.content == "The PIN is 1234"
    assert entry.metadata
    assert (entry.metadata["id"], entry.metadata["topic"]) == (context_id, "bank")
    assert await ann.search("quarterly revenue") == []
    assert await bob.search("What is the PIN?") == []


async def test_a_memory_that_is_away_ends_no_turn_and_is_logged(
    away: AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    clerk, _, manager = agent(ContextManagerMemoryStore(away, extraction=True), "Hello.")
    assert str(await clerk.invoke_async("Hi")).strip() == "Hello."
    await manager.flush()
    assert "store search failed" in caplog.text
    assert "memory extraction failed" in caplog.text
