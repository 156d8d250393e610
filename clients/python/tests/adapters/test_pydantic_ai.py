from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from context_manager_client import AsyncClient

pytest.importorskip("pydantic_ai", reason="install the extra `pydantic-ai`")

from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from context_manager_client.pydantic_ai import ContextManagerToolset

pytestmark = pytest.mark.anyio

Call = Callable[[list[Any]], ToolCallPart]


class Script:
    """A model that makes the calls of a script, each from the results so far, and then says "Done."."""

    def __init__(self, *calls: ToolCallPart | Call) -> None:
        self.calls = list(calls)
        self.results: list[Any] = []
        self.info: AgentInfo | None = None

    def __call__(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        self.info = info
        returns = [part for message in messages for part in message.parts if isinstance(part, ToolReturnPart)]
        self.results = [part.content for part in returns]
        if not self.calls:
            return ModelResponse(parts=[TextPart("Done.")])
        call = self.calls.pop(0)
        return ModelResponse(parts=[call(self.results) if callable(call) else call])


async def run(toolset: ContextManagerToolset, script: Script, **kwargs: Any) -> list[Any]:
    answer = await Agent(FunctionModel(script), toolsets=[toolset]).run("Go on.", **kwargs)
    assert answer.output == "Done."
    return script.results


def search(query: str) -> ToolCallPart:
    return ToolCallPart("memory_search", {"query": query})


def store(text: str) -> ToolCallPart:
    return ToolCallPart("memory_store", {"text": text})


async def test_a_model_stores_finds_corrects_and_forgets(async_client: AsyncClient) -> None:
    toolset = ContextManagerToolset(async_client, user_id=str(uuid4()))
    await run(toolset, Script(store("Ann wants a window seat")))

    def correct(results: list[Any]) -> ToolCallPart:
        replaces = results[0]["memories"][0]["id"]
        return ToolCallPart("memory_store", {"text": "Ann wants an aisle seat", "replaces": replaces})

    def forget(results: list[Any]) -> ToolCallPart:
        return ToolCallPart("memory_forget", {"id": results[1]["stored"]})

    results = await run(
        toolset, Script(search("Which seat?"), correct, search("Which seat?"), forget, search("Which seat?"))
    )
    found = [[memory["text"] for memory in result["memories"]] for result in results[::2]]
    assert found == [["Ann wants a window seat"], ["Ann wants an aisle seat"], []]
    assert results[3] == {"deleted": 1}


async def test_the_model_is_told_when_to_use_the_tools(async_client: AsyncClient) -> None:
    script = Script()
    await run(ContextManagerToolset(async_client), script)
    assert script.info
    assert "You have a long-term memory" in str(script.info.instructions)
    tools = {tool.name: tool for tool in script.info.function_tools}
    assert set(tools) == {"memory_search", "memory_store", "memory_forget"}
    parameters = [field for tool in tools.values() for field in tool.parameters_json_schema["properties"].values()]
    assert all(field.get("description") for field in parameters)


async def test_the_user_is_that_of_the_run(async_client: AsyncClient) -> None:
    toolset = ContextManagerToolset(async_client, user_id=lambda run: run.deps)
    ann, bob = f"ann-{uuid4()}", f"bob-{uuid4()}"
    await run(toolset, Script(store("The PIN is 1234")), deps=ann)
    assert (await run(toolset, Script(search("What is the PIN?")), deps=bob))[0] == {"memories": []}
    assert (await run(toolset, Script(search("What is the PIN?")), deps=ann))[0]["memories"]


async def test_nothing_irrelevant_is_found(async_client: AsyncClient) -> None:
    toolset = ContextManagerToolset(async_client, user_id=str(uuid4()))
    results = await run(toolset, Script(store("Ann wants a window seat"), search("quarterly revenue")))
    assert results[1] == {"memories": []}


async def test_a_call_that_fails_is_an_answer_that_the_model_reads(
    async_client: AsyncClient, away: AsyncClient
) -> None:
    results = await run(ContextManagerToolset(away), Script(search("seat"), store("x")))
    assert all(result["error"].startswith("The memory did not take this call: ") for result in results)
    (refused,) = await run(ContextManagerToolset(async_client), Script(store(" ")))
    assert "text" in refused["error"]
