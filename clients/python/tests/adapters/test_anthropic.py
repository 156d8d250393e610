from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from context_manager_client import AsyncClient, Client

pytest.importorskip("anthropic", reason="install the extra `anthropic`")

import httpx2
from anthropic import Anthropic, AsyncAnthropic

from context_manager_client.anthropic import AsyncContextManagerMemoryTool, ContextManagerMemoryTool

pytestmark = pytest.mark.anyio

NOTES = "/memories/notes.md"


class ScriptedClaude:
    """The Messages API with answers from a script: inputs of the memory tool, then the text "Done."."""

    def __init__(self, *commands: dict[str, Any]) -> None:
        self.commands = list(commands)
        self.requests: list[dict[str, Any]] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(json.loads(request.content))
        content: dict[str, Any] = {"type": "text", "text": "Done."}
        if self.commands:
            content = {"type": "tool_use", "id": f"toolu_{uuid4()}", "name": "memory", "input": self.commands.pop(0)}
        message = {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "claude",
            "content": [content],
            "stop_reason": "tool_use" if content["type"] == "tool_use" else "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": 1, "output_tokens": 1},
        }
        return httpx2.Response(200, json=message)

    @property
    def results(self) -> list[tuple[str, bool]]:
        """The result of the tool, and true if it was an error."""
        contents = [message["content"] for request in self.requests for message in request["messages"]]
        blocks = {block.get("tool_use_id"): block for content in contents for block in content if type(block) is dict}
        return [(block["content"], block.get("is_error", False)) for name, block in blocks.items() if name]


def ask(script: ScriptedClaude, tool: ContextManagerMemoryTool) -> None:
    claude = Anthropic(api_key="none", http_client=httpx2.Client(transport=httpx2.MockTransport(script)))
    claude.beta.messages.tool_runner(
        model="claude", max_tokens=100, tools=[tool], messages=[{"role": "user", "content": "Go on."}]
    ).until_done()


EDITS = [
    {"command": "create", "path": NOTES, "file_text": "Ann\nlikes tea\n"},
    {"command": "str_replace", "path": NOTES, "old_str": "tea", "new_str": "coffee"},
    {"command": "insert", "path": NOTES, "insert_line": 0, "insert_text": "# Notes\n"},
    {"command": "rename", "old_path": NOTES, "new_path": "/memories/ann.md"},
    {"command": "view", "path": "/memories/ann.md", "view_range": [1, 2]},
]


def test_claude_edits_files_and_finds_them_again(client: Client) -> None:
    user_id = str(uuid4())
    first = ScriptedClaude(*EDITS)
    ask(first, ContextManagerMemoryTool(client, user_id=user_id))
    assert first.requests[0]["tools"] == [{"type": "memory_20250818", "name": "memory"}]
    assert not any(is_error for _, is_error in first.results)
    assert "# Notes" in first.results[-1][0]
    assert "Ann" in first.results[-1][0]
    assert "coffee" not in first.results[-1][0]

    later = ScriptedClaude({"command": "view", "path": "/memories"}, {"command": "view", "path": "/memories/ann.md"})
    ask(later, ContextManagerMemoryTool(client, user_id=user_id))
    assert "/memories/ann.md" in later.results[0][0]
    assert "likes coffee" in later.results[1][0]

    found = client.search_contexts(query="Who likes coffee?", user_id=user_id)
    assert found.contexts[0].key == "/memories/ann.md"


def test_a_refused_command_is_an_error_for_the_model(client: Client) -> None:
    script = ScriptedClaude(
        {"command": "view", "path": "/memories/../etc/passwd"},
        {"command": "str_replace", "path": "/memories/absent.md", "old_str": "a", "new_str": "b"},
        {"command": "create", "path": "/memories/big.md", "file_text": "x" * 40_000},
    )
    ask(script, ContextManagerMemoryTool(client, user_id=str(uuid4())))
    assert len(script.results) == 3
    assert all(is_error for _, is_error in script.results)
    assert "does not exist" in script.results[1][0]


def test_a_memory_that_is_away_is_an_error_that_the_model_reads() -> None:
    script = ScriptedClaude({"command": "view", "path": "/memories"})
    with Client("http://127.0.0.1:9", timeout=1) as away:
        ask(script, ContextManagerMemoryTool(away))
    text, is_error = script.results[0]
    assert is_error
    assert text.startswith("The memory is not available: ")


def test_users_and_scopes_have_files_of_their_own_also_when_all_are_cleared(client: Client) -> None:
    name = str(uuid4())
    tools = [
        ContextManagerMemoryTool(client, user_id=name),
        ContextManagerMemoryTool(client, user_id=name, scope=f"a/{name}"),
        ContextManagerMemoryTool(client, user_id=name, scope=f"a/{name}/below"),
        ContextManagerMemoryTool(client, scope=f"a/{name}"),
    ]
    create = {"command": "create", "path": NOTES, "file_text": "x"}
    for tool in tools:
        assert tool.call(create).startswith("File created")
    for cleared in tools:
        cleared.clear_all_memory()
        assert [NOTES in tool.call({"command": "view", "path": "/memories"}) for tool in tools] == [
            tool is not cleared for tool in tools
        ]
        cleared.call(create)


async def test_the_asynchronous_tool_does_the_same(async_client: AsyncClient) -> None:
    script = ScriptedClaude(*EDITS, {"command": "view", "path": "/memories/absent.md"})
    transport = httpx2.MockTransport(script)
    claude = AsyncAnthropic(api_key="none", http_client=httpx2.AsyncClient(transport=transport))
    tool = AsyncContextManagerMemoryTool(async_client, user_id=str(uuid4()))
    await claude.beta.messages.tool_runner(
        model="claude", max_tokens=100, tools=[tool], messages=[{"role": "user", "content": "Go on."}]
    ).until_done()
    assert [is_error for _, is_error in script.results] == [False] * 5 + [True]
    assert await tool.clear_all_memory() == "All memory cleared"
    assert "ann.md" not in await tool.call({"command": "view", "path": "/memories"})
