"""The examples run without network or key, and recall."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from ..conftest import ROOT


@pytest.mark.parametrize(
    ("example", "needs", "recalled"),
    [
        ("python/agent.py", "context_manager_client", "You told me: I am allergic to peanuts"),
        ("langgraph/agent.py", "langgraph", "recalled: ['I am allergic to peanuts']"),
        ("mcp-chat/chat.py", "mcp", "I remember: the staging database is called kestrel"),
    ],
)
def test_an_example_recalls(example: str, needs: str, recalled: str, url: str) -> None:
    pytest.importorskip(needs, reason=f"install {needs}")
    environment = {**os.environ, "CONTEXT_MANAGER_URL": url}
    environment.pop("CONTEXT_MANAGER_API_KEY", None)
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / example], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert recalled in done.stdout
