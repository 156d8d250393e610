from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from context_manager_client import AsyncClient, ConnectionFailed

pytest.importorskip("agents", reason="install the extra `openai-agents`")

from agents import Agent, Model, ModelResponse, Runner, Usage, function_tool
from agents.memory import SessionSettings
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText

from context_manager_client.openai_agents import ContextManagerSession

pytestmark = pytest.mark.anyio


class ScriptedModel(Model):
    def __init__(self, *outputs: Any) -> None:
        self.outputs = list(outputs)
        self.inputs: list[Any] = []

    async def get_response(self, system_instructions: Any, input: Any, *args: Any, **kwargs: Any) -> ModelResponse:
        self.inputs.append(input)
        return ModelResponse(output=[self.outputs.pop(0)], usage=Usage(), response_id=None)

    def stream_response(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        raise NotImplementedError


def says(text: str) -> ResponseOutputMessage:
    content = ResponseOutputText(text=text, type="output_text", annotations=[])
    return ResponseOutputMessage(id="msg_1", content=[content], role="assistant", status="completed", type="message")


def calls(name: str, arguments: str) -> ResponseFunctionToolCall:
    return ResponseFunctionToolCall(
        id="fc_1", call_id="call_1", name=name, arguments=arguments, type="function_call", status="completed"
    )


@pytest.fixture
def session(async_client: AsyncClient) -> ContextManagerSession:
    return ContextManagerSession(str(uuid4()), async_client, user_id="ann")


async def test_an_agent_goes_on_where_another_process_stopped(async_client: AsyncClient, url: str) -> None:
    @function_tool
    def stock(kind: str) -> str:
        return f"12 bags of {kind}"

    session_id = str(uuid4())
    model = ScriptedModel(calls("stock", '{"kind":"kenyan"}'), says("There are 12 bags."))
    agent = Agent("clerk", model=model, tools=[stock])
    await Runner.run(agent, "How much kenyan?", session=ContextManagerSession(session_id, async_client))

    async with AsyncClient(url) as other:
        later = ScriptedModel(says("Kenyan."))
        session = ContextManagerSession(session_id, other)
        await Runner.run(Agent("clerk", model=later), "Which kind did I ask for?", session=session)
        kept = await session.get_items()

    seen = later.inputs[0]
    assert [item.get("type") or item["role"] for item in seen] == [
        "user",
        "function_call",
        "function_call_output",
        "message",
        "user",
    ]
    assert seen[1]["arguments"] == '{"kind":"kenyan"}'
    assert seen[2]["output"] == "12 bags of kenyan"
    assert [item["id"] for item in kept if "id" in item] == ["fc_1", "msg_1", "msg_1"]


async def test_items_come_back_as_they_were_added(session: ContextManagerSession) -> None:
    items: list[Any] = [
        {"role": "user", "content": "héllo \u2028 \x00"},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "AAAA=="},
        {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "x"}]},
        {"type": "message", "role": "assistant", "id": "msg_1", "content": [], "number": 1.50, "none": None},
        {"role": "user", "content": "héllo \u2028 \x00"},
    ]
    await session.add_items(items)
    assert await session.get_items() == items
    assert await session.get_items(2) == items[-2:]
    assert await session.get_items(0) == []
    assert await session.pop_item() == items[-1]
    assert await session.get_items() == items[:-1]
    await session.clear_session()
    assert await session.get_items() == []
    assert await session.pop_item() is None


async def test_the_limit_of_the_settings_counts_where_the_call_has_none(async_client: AsyncClient) -> None:
    session = ContextManagerSession(str(uuid4()), async_client, session_settings=SessionSettings(limit=1))
    await session.add_items([{"role": "user", "content": "one"}, {"role": "user", "content": "two"}])
    assert [item["content"] for item in await session.get_items()] == ["two"]
    assert len(await session.get_items(5)) == 2


async def test_more_items_than_one_call_takes_are_added(session: ContextManagerSession) -> None:
    await session.add_items([{"role": "user", "content": str(n)} for n in range(1_100)])
    items = await session.get_items()
    assert [items[0]["content"], items[-1]["content"], len(items)] == ["100", "1099", 1_000]


async def test_what_was_said_is_found_by_searches(session: ContextManagerSession, async_client: AsyncClient) -> None:
    await session.add_items([{"role": "user", "content": "My cat is called Momo"}])
    found = await async_client.search_contexts(query="cat", user_id="ann", session_id=session.session_id)
    assert [context.text for context in found.contexts][:1] == ["My cat is called Momo"]


async def test_a_history_that_is_away_is_an_error(away: AsyncClient) -> None:
    with pytest.raises(ConnectionFailed):
        await Runner.run(
            Agent("clerk", model=ScriptedModel(says("Hello."))), "Hi", session=ContextManagerSession("s", away)
        )
