from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any
from uuid import uuid4

import pytest

from context_manager_client import AsyncClient, ConnectionFailed

pytest.importorskip("google.adk", reason="install the extra `google-adk`")

from google.adk.agents import LlmAgent
from google.adk.events import Event
from google.adk.memory.memory_entry import MemoryEntry
from google.adk.models import BaseLlm, LlmRequest, LlmResponse
from google.adk.runners import Runner
from google.adk.sessions import InMemorySessionService
from google.adk.tools import load_memory, preload_memory
from google.genai.types import Content, Part

from context_manager_client.google_adk import ContextManagerMemoryService

pytestmark = pytest.mark.anyio


class ScriptedLlm(BaseLlm):
    model: str = "scripted"
    answers: list[Part]
    prompts: list[LlmRequest]

    async def generate_content_async(
        self, llm_request: LlmRequest, stream: bool = False
    ) -> AsyncGenerator[LlmResponse, None]:
        self.prompts.append(llm_request.model_copy(deep=True))
        yield LlmResponse(content=Content(role="model", parts=[self.answers.pop(0)]))


class App:
    """An agent with its runner and sessions, and a user of its own."""

    def __init__(self, memory: ContextManagerMemoryService, tools: list[Any], answers: list[Part]) -> None:
        self.llm = ScriptedLlm(answers=answers, prompts=[])
        self.sessions = InMemorySessionService()
        self.name = "shop"
        self.runner = Runner(
            app_name=self.name,
            agent=LlmAgent(name="clerk", model=self.llm, tools=tools),
            session_service=self.sessions,
            memory_service=memory,
        )

    async def say(self, user_id: str, session_id: str, text: str) -> None:
        if not await self.session(user_id, session_id):
            await self.sessions.create_session(app_name=self.name, user_id=user_id, session_id=session_id)
        message = Content(role="user", parts=[Part(text=text)])
        async for _ in self.runner.run_async(user_id=user_id, session_id=session_id, new_message=message):
            pass

    async def session(self, user_id: str, session_id: str) -> Any:
        return await self.sessions.get_session(app_name=self.name, user_id=user_id, session_id=session_id)


@pytest.fixture
def memory(async_client: AsyncClient) -> ContextManagerMemoryService:
    return ContextManagerMemoryService(async_client)


def texts(memories: list[MemoryEntry]) -> list[str]:
    return [memory.content.parts[0].text for memory in memories]


def event(text: str, **fields: Any) -> Event:
    return Event(author="user", content=Content(role="user", parts=[Part(text=text)]), **fields)


async def test_an_agent_loads_what_was_said_in_an_earlier_session(memory: ContextManagerMemoryService) -> None:
    load = Part.from_function_call(name="load_memory", args={"query": "Which beans does the user like?"})
    app = App(memory, [load_memory], [Part(text="Noted."), load, Part(text="Ethiopian.")])
    user_id = str(uuid4())
    await app.say(user_id, "s-1", "I like Ethiopian beans best")
    await memory.add_session_to_memory(await app.session(user_id, "s-1"))
    await app.say(user_id, "s-2", "Which beans do I like?")

    result = app.llm.prompts[-1].contents[-1].parts[0].function_response.response
    assert texts(result["result"].memories)[0] == "I like Ethiopian beans best"


async def test_memories_are_preloaded_and_one_that_is_away_ends_no_turn(
    memory: ContextManagerMemoryService, away: AsyncClient
) -> None:
    user_id = str(uuid4())
    await memory.add_events_to_memory(app_name="shop", user_id=user_id, events=[event("My cat is called Momo")])
    app = App(memory, [preload_memory], [Part(text="Momo.")])
    await app.say(user_id, "s-1", "What is my cat called?")
    assert "My cat is called Momo" in str(app.llm.prompts[0].contents)

    app = App(ContextManagerMemoryService(away), [preload_memory], [Part(text="I do not know.")])
    await app.say(user_id, "s-1", "What is my cat called?")
    assert len(app.llm.prompts) == 1


async def test_a_session_added_again_is_stored_once(
    memory: ContextManagerMemoryService, async_client: AsyncClient
) -> None:
    user_id = str(uuid4())
    app = App(memory, [], [Part(text="Noted."), Part(text="Good.")])
    await app.say(user_id, "s-1", "I moved to Lisbon")
    await memory.add_session_to_memory(await app.session(user_id, "s-1"))
    await app.say(user_id, "s-1", "I like it there")
    await memory.add_session_to_memory(await app.session(user_id, "s-1"))
    stored = [context async for context in async_client.list_contexts(user_id=user_id)]
    assert sorted(context.text for context in stored) == ["Good.", "I like it there", "I moved to Lisbon", "Noted."]
    said = next(context for context in stored if context.text == "I moved to Lisbon")
    assert (said.session_id, said.agent_id, said.origin, said.metadata) == (
        "s-1",
        "shop",
        "user",
        {"author": "user", "role": "user"},
    )


async def test_a_session_added_again_leaves_a_memory_that_was_corrected(
    memory: ContextManagerMemoryService, async_client: AsyncClient
) -> None:
    user_id = str(uuid4())
    events = [event("I live in Porto", id="e-1"), event("And I like it", id="e-2")]
    await memory.add_events_to_memory(app_name="shop", user_id=user_id, events=events[:1])
    (found,) = (await memory.search_memory(app_name="shop", user_id=user_id, query="Porto")).memories
    await async_client.update_context(found.id, text="Ann lives in Lisbon")
    await memory.add_events_to_memory(app_name="shop", user_id=user_id, events=events)
    stored = {context.text async for context in async_client.list_contexts(user_id=user_id)}
    assert stored == {"Ann lives in Lisbon", "And I like it"}


async def test_searches_keep_to_the_app_and_the_user(memory: ContextManagerMemoryService) -> None:
    user_id = str(uuid4())
    for app_name, owner in [("shop", user_id), ("bank", user_id), ("shop", f"{user_id}-2")]:
        text = f"The PIN of {app_name} is secret"
        await memory.add_events_to_memory(app_name=app_name, user_id=owner, events=[event(text)])
    found = await memory.search_memory(app_name="shop", user_id=user_id, query="What is the PIN?")
    assert texts(found.memories) == ["The PIN of shop is secret"]
    found = await memory.search_memory(app_name="shop", user_id=user_id, query="Wie wird das Wetter?")
    assert found.memories == []


async def test_memories_come_back_as_added_and_are_deleted_by_their_owner_only(
    memory: ContextManagerMemoryService,
) -> None:
    user_id = str(uuid4())
    entry = MemoryEntry(
        content=Content(role="model", parts=[Part(text="Ann prefers window seats")]),
        author="clerk",
        timestamp="2026-01-02T03:04:05+00:00",
        custom_metadata={"topic": "travel"},
    )
    await memory.add_memory(app_name="shop", user_id=user_id, memories=[entry])
    query = {"app_name": "shop", "user_id": user_id, "query": "Which seat?"}
    found = (await memory.search_memory(**query)).memories[0]
    assert found.model_dump(exclude={"id"}) == entry.model_dump(exclude={"id"})

    await memory.delete_memory(app_name="shop", user_id="somebody else", memory_id=found.id)
    assert (await memory.search_memory(**query)).memories
    await memory.delete_memory(app_name="shop", user_id=user_id, memory_id=found.id)
    assert not (await memory.search_memory(**query)).memories


async def test_memories_expire(memory: ContextManagerMemoryService) -> None:
    user_id = str(uuid4())
    await memory.add_events_to_memory(
        app_name="shop", user_id=user_id, events=[event("A parcel waits")], custom_metadata={"ttl_secs": 1}
    )
    assert (await memory.search_memory(app_name="shop", user_id=user_id, query="parcel")).memories
    await asyncio.sleep(1.1)
    assert not (await memory.search_memory(app_name="shop", user_id=user_id, query="parcel")).memories


async def test_a_search_of_a_server_that_is_away_is_an_error(away: AsyncClient) -> None:
    with pytest.raises(ConnectionFailed):
        await ContextManagerMemoryService(away).search_memory(app_name="shop", user_id="ann", query="parcel")
