from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from context_manager_client import Client

pytest.importorskip("run_agent", reason="install `hermes-agent`, in an environment of its own")

from agent.memory_manager import MemoryManager
from hermes_cli.plugins import PluginContext, PluginManager, PluginManifest
from plugins.memory import load_memory_provider
from run_agent import AIAgent

from context_manager_client.hermes import ContextManagerMemoryProvider, install, register

Answer = str | tuple[str, dict[str, Any]]


class ScriptedModel:
    """A server of chat completions with answers from a script: texts, and calls of tools."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.requests: list[dict[str, Any]] = []
        script = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                if not self.path.endswith("/chat/completions"):
                    self.send_error(404)
                    return
                script.requests.append(body)
                message = script.message()
                choice = {"index": 0, "finish_reason": "tool_calls" if "tool_calls" in message else "stop"}
                completion = {"id": "c-1", "created": 0, "model": "scripted"}
                if body.get("stream"):
                    chunk = {**completion, "object": "chat.completion.chunk", "choices": [{**choice, "delta": message}]}
                    self.answer("text/event-stream", f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n")
                else:
                    whole = {**completion, "object": "chat.completion", "choices": [{**choice, "message": message}]}
                    self.answer("application/json", json.dumps(whole))

            def do_GET(self) -> None:
                self.send_error(404)

            def answer(self, media: str, body: str) -> None:
                self.send_response(200)
                self.send_header("content-type", media)
                self.send_header("content-length", str(len(body.encode())))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"

    def message(self) -> dict[str, Any]:
        answer = self.answers.pop(0)
        if isinstance(answer, str):
            return {"role": "assistant", "content": answer}
        name, arguments = answer
        function = {"name": name, "arguments": json.dumps(arguments)}
        call = {"index": 0, "id": f"call-{uuid4()}", "type": "function", "function": function}
        return {"role": "assistant", "content": None, "tool_calls": [call]}


@pytest.fixture
def model() -> Iterator[ScriptedModel]:
    model = ScriptedModel()
    yield model
    model.server.shutdown()
    model.server.server_close()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> Path:
    monkeypatch.setenv("HERMES_HOME", str(tmp_path))
    monkeypatch.setenv("CONTEXT_MANAGER_URL", url)
    monkeypatch.delenv("CONTEXT_MANAGER_API_KEY", raising=False)
    (tmp_path / "config.yaml").write_text("memory:\n  provider: context_manager\n")
    install(tmp_path)
    for name in [name for name in sys.modules if name.startswith("_hermes_user_memory")]:
        del sys.modules[name]
    return tmp_path


def agent(model: ScriptedModel, user_id: str, *answers: Answer) -> AIAgent:
    model.answers = list(answers)
    model.requests.clear()
    return AIAgent(
        base_url=model.url,
        api_key="none",
        provider="custom",
        model="scripted",
        session_id=str(uuid4()),
        user_id=user_id,
        platform="telegram",
        quiet_mode=True,
        enabled_toolsets=["memory"],
        skip_context_files=True,
    )


def test_an_agent_recalls_in_a_later_session_what_it_was_told(model: ScriptedModel, client: Client) -> None:
    user_id = str(uuid4())
    first = agent(model, user_id, "Noted.")
    assert first.run_conversation("I want a window seat")["final_response"] == "Noted."
    first.shutdown_memory_provider()
    stored = {(context.text, context.origin, context.session_id) for context in client.list_contexts(user_id=user_id)}
    assert stored == {("I want a window seat", "user", first.session_id), ("Noted.", "agent", first.session_id)}

    second = agent(model, user_id, "A window seat.")
    second.run_conversation("Which seat do I want?")
    assert "I want a window seat" in json.dumps(model.requests[0]["messages"])
    second.shutdown_memory_provider()


def test_the_model_stores_and_searches(model: ScriptedModel) -> None:
    talk = agent(
        model,
        str(uuid4()),
        ("memory_store", {"text": "Ann wants a window seat"}),
        ("memory_search", {"query": "Which seat does Ann want?"}),
        "Done.",
    )
    talk.run_conversation("Go on.")
    result = json.loads(model.requests[2]["messages"][-1]["content"])
    assert [memory["text"] for memory in result["memories"]] == ["Ann wants a window seat"]
    talk.shutdown_memory_provider()


def test_a_server_that_is_away_ends_no_turn(model: ScriptedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTEXT_MANAGER_URL", "http://127.0.0.1:9")
    talk = agent(model, str(uuid4()), ("memory_search", {"query": "seat"}), "Hello.")
    assert talk.run_conversation("Hi")["final_response"] == "Hello."
    assert "The memory did not take this call" in model.requests[1]["messages"][-1]["content"]
    talk.shutdown_memory_provider()


def test_only_the_primary_agent_writes(client: Client, home: Path) -> None:
    user_id = str(uuid4())
    for context in ("subagent", "cron", "flush", "primary"):
        provider = load_memory_provider("context_manager")
        assert provider
        manager = MemoryManager()
        manager.add_provider(provider)
        manager.initialize_all(
            session_id=context, hermes_home=str(home), platform="cli", agent_context=context, user_id=user_id
        )
        assert ("memory_store" in json.dumps(manager.get_all_tool_schemas())) == (context == "primary")
        manager.sync_all("The PIN is 1234", "Noted.", session_id=context)
        manager.shutdown_all()
    assert {context.session_id for context in client.list_contexts(user_id=user_id)} == {"primary"}


def test_an_entry_point_that_cannot_register_names_the_way(caplog: pytest.LogCaptureFixture) -> None:
    register(PluginContext(PluginManifest(name="context_manager"), PluginManager()))
    assert "python -m context_manager_client.hermes" in caplog.text


def test_the_provider_asks_for_its_address_and_needs_no_network_to_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = ContextManagerMemoryProvider()
    assert provider.is_available()
    assert {field["env_var"] for field in provider.get_config_schema()} == {
        "CONTEXT_MANAGER_URL",
        "CONTEXT_MANAGER_API_KEY",
    }
    monkeypatch.delenv("CONTEXT_MANAGER_URL")
    assert not provider.is_available()
