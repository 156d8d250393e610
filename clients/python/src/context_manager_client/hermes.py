"""Memory provider of Hermes Agent: notes before a turn, the turn stored afterwards, and two tools.

Hermes 0.19 finds memory providers in its plug-in folder: `python -m context_manager_client.hermes` puts this one there.
A version that takes them by entry points finds it without that.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent.memory_provider import MemoryProvider

from . import Client, ContextManagerError, __version__
from ._turns import check, message

__all__ = ["ContextManagerMemoryProvider", "register"]

logger = logging.getLogger(__name__)

_NAME = "context_manager"
_TIMEOUT_SECS = 5
_MAX_TOKENS = 1_000
_PLUGIN = f"""\
name: {_NAME}
version: {__version__}
description: Memory by the Context Manager, a self-hosted server
pip_dependencies:
  - context-manager-client
"""
_MODULE = """\
\"\"\"MemoryProvider of the package context-manager-client.\"\"\"

from context_manager_client.hermes import register
"""
_TOOLS = [
    {
        "name": "memory_search",
        "description": "Look up what was said, decided, preferred or tried before, in this and earlier sessions. "
        "No memories in the result mean that nothing relevant is known.",
        "parameters": {
            "type": "object",
            "properties": {"query": {"type": "string", "description": "What to look for, as a full question."}},
            "required": ["query"],
        },
    },
    {
        "name": "memory_store",
        "description": "Keep one lasting fact, preference, decision or correction, in a sentence that can stand alone.",
        "parameters": {
            "type": "object",
            "properties": {"text": {"type": "string", "description": "The fact, with names and dates."}},
            "required": ["text"],
        },
    },
]


class ContextManagerMemoryProvider(MemoryProvider):
    """Provider over the server that `CONTEXT_MANAGER_URL` names. Only the primary agent writes.

    Hermes runs these calls in the background and goes on without them when they fail.
    """

    def __init__(self) -> None:
        self._client: Client | None = None
        self._session_id = ""
        self._owner: dict[str, Any] = {}
        self._is_primary = True

    @property
    def name(self) -> str:
        return _NAME

    def is_available(self) -> bool:
        return bool(os.environ.get("CONTEXT_MANAGER_URL"))

    def initialize(self, session_id: str, **kwargs: Any) -> None:
        self._client = Client(timeout=_TIMEOUT_SECS)
        self._session_id = session_id
        self._owner = {"user_id": kwargs.get("user_id"), "agent_id": kwargs.get("agent_identity")}
        self._is_primary = kwargs.get("agent_context", "primary") == "primary"

    def system_prompt_block(self) -> str:
        return (
            "Notes from earlier sessions are added to messages where some are relevant. They are a part of what is "
            "known: call memory_search when the user refers to the past and the notes do not answer."
        )

    def prefetch(self, query: str, *, session_id: str = "") -> str:
        if not query.strip():
            return ""
        return self._server().assemble_contexts(query=query, max_tokens=_MAX_TOKENS, **self._owner).prompt

    def sync_turn(
        self,
        user_content: str,
        assistant_content: str,
        *,
        session_id: str = "",
        messages: list[dict[str, Any]] | None = None,
    ) -> None:
        if not self._is_primary:
            return
        fields = {"session_id": session_id or self._session_id, **self._owner}
        turn = [*message("user", user_content, **fields), *message("assistant", assistant_content, **fields)]
        if turn:
            check(self._server().store_contexts(turn))

    def get_tool_schemas(self) -> list[dict[str, Any]]:
        return _TOOLS if self._is_primary else _TOOLS[:1]

    def handle_tool_call(self, tool_name: str, args: Mapping[str, Any], **kwargs: Any) -> str:
        try:
            return json.dumps(self._call(tool_name, args), ensure_ascii=False)
        except ContextManagerError as error:
            return json.dumps({"error": f"The memory did not take this call: {error}"})

    def on_session_switch(self, new_session_id: str, **kwargs: Any) -> None:
        self._session_id = new_session_id

    def get_config_schema(self) -> list[dict[str, Any]]:
        return [
            {
                "key": "url",
                "description": "Address of the server",
                "default": "http://127.0.0.1:8080",
                "required": True,
                "env_var": "CONTEXT_MANAGER_URL",
            },
            {"key": "api_key", "description": "API key", "secret": True, "env_var": "CONTEXT_MANAGER_API_KEY"},
        ]

    def shutdown(self) -> None:
        if self._client:
            self._client.close()

    def _server(self) -> Client:
        if self._client is None:
            raise RuntimeError("initialize the provider first")
        return self._client

    def _call(self, tool_name: str, args: Mapping[str, Any]) -> dict[str, Any]:
        if tool_name == "memory_store":
            stored = self._server().store_context(
                text=args["text"], origin="agent", session_id=self._session_id, **self._owner
            )
            return {"stored": stored.id}
        found = self._server().search_contexts(query=args["query"], limit=10, **self._owner)
        return {
            "memories": [
                {"id": context.id, "text": context.text, "at": context.occurred_at.isoformat()}
                for context in found.contexts
                if context.score >= found.floor
            ]
        }


def register(context: Any) -> None:
    """Registers the provider: the function that Hermes calls, of the plug-in and of the entry point."""
    if not hasattr(context, "register_memory_provider"):
        logger.warning("run `python -m context_manager_client.hermes`: this Hermes finds memory in its plug-in folder")
        return
    context.register_memory_provider(ContextManagerMemoryProvider())


def install(hermes_home: Path) -> Path:
    """Writes the plug-in into the folder of Hermes and returns its path."""
    folder = hermes_home / "plugins" / _NAME
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plugin.yaml").write_text(_PLUGIN)
    (folder / "__init__.py").write_text(_MODULE)
    return folder


if __name__ == "__main__":
    print(install(Path(os.environ.get("HERMES_HOME") or Path.home() / ".hermes")))  # noqa: T201
