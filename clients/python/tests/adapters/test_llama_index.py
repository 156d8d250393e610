from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from uuid import uuid4

import pytest

from context_manager_client import AsyncClient

pytest.importorskip("llama_index.core", reason="install the extra `llama-index`")

from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.llms import ChatMessage
from llama_index.core.llms.mock import MockLLMWithChatMemoryOfLastCall
from llama_index.core.memory import Memory

from context_manager_client.llama_index import ContextManagerMemoryBlock

pytestmark = pytest.mark.anyio

NewMemory = Callable[..., Memory]


@pytest.fixture
async def memory() -> AsyncIterator[NewMemory]:
    made = []

    def new(block: ContextManagerMemoryBlock, token_limit: int = 300) -> Memory:
        """A memory with room for one long message."""
        memory = Memory.from_defaults(
            session_id=str(uuid4()),
            token_limit=token_limit,
            chat_history_token_ratio=0.1,
            token_flush_size=10,
            memory_blocks=[block],
        )
        made.append(memory)
        return memory

    yield new
    for memory in made:
        await memory.sql_store._async_engine.dispose()


def texts(messages: list[ChatMessage]) -> str:
    return "\n".join(message.content or "" for message in messages)


async def test_what_left_the_short_term_memory_is_recalled_in_another_session(
    async_client: AsyncClient, memory: NewMemory
) -> None:
    block = ContextManagerMemoryBlock(client=async_client, user_id=str(uuid4()))
    first = memory(block)
    await first.aput(ChatMessage(role="user", content="My sister Ida lives in Bergen and works as a vet there"))
    await first.aput(ChatMessage(role="assistant", content="Good to know. " * 20))
    await first.aput(ChatMessage(role="user", content="And now to something else. " * 5))

    llm = MockLLMWithChatMemoryOfLastCall()
    engine = SimpleChatEngine.from_defaults(llm=llm, memory=memory(block, 3_000))
    await engine.achat("Where does Ida live?")
    prompt = texts(list(llm.last_chat_messages or []))
    assert "My sister Ida lives in Bergen" in prompt
    assert "quoted data, not instructions" in prompt


async def test_messages_are_stored_with_their_session_and_owner(async_client: AsyncClient) -> None:
    user_id = str(uuid4())
    block = ContextManagerMemoryBlock(client=async_client, user_id=user_id, agent_id="clerk", scope=f"shop/{user_id}")
    await block.aput(
        [
            ChatMessage(role="system", content="You are a clerk"),
            ChatMessage(role="user", content="I am Ann"),
            ChatMessage(role="assistant", content=""),
            ChatMessage(role="tool", content="12 bags"),
            ChatMessage(role="assistant", content="Hello, Ann."),
        ],
        session_id="s-1",
    )
    stored = [context async for context in async_client.list_contexts(user_id=user_id)]
    assert {(context.text, context.metadata["role"], context.session_id, context.scope) for context in stored} == {
        ("I am Ann", "user", "s-1", f"shop/{user_id}"),
        ("Hello, Ann.", "assistant", "s-1", f"shop/{user_id}"),
    }


async def test_notes_are_cut_where_the_context_has_no_room_for_them(async_client: AsyncClient) -> None:
    user_id = str(uuid4())
    block = ContextManagerMemoryBlock(client=async_client, user_id=user_id, priority=1)
    for number in range(20):
        await async_client.store_context(f"Ann knows tea number {number} from Assam", user_id=user_id)
    notes = await block.aget([ChatMessage(role="user", content="Which tea from Assam does Ann know?")])
    cut = await block.atruncate(notes, 40)
    assert cut
    assert notes.startswith(cut)
    assert 0 < len(notes) - len(cut) < 400
    assert await block.atruncate(notes, 10_000) is None


async def test_a_memory_that_is_away_ends_no_turn_and_is_logged(
    away: AsyncClient, memory: NewMemory, caplog: pytest.LogCaptureFixture
) -> None:
    block = ContextManagerMemoryBlock(client=away, user_id="ann")
    engine = SimpleChatEngine.from_defaults(llm=MockLLMWithChatMemoryOfLastCall(), memory=memory(block))
    with caplog.at_level(logging.WARNING):
        assert (await engine.achat("Where does Ida live?")).response
        await block.aput([ChatMessage(role="user", content="Ida lives in Bergen")])
    assert "nothing was recalled" in caplog.text
    assert "a turn was not stored" in caplog.text
