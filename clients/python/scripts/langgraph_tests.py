"""Runs LangGraph's own tests of stores against this package's store.

They come with the source distribution of the installed `langgraph-checkpoint`. `CONTEXT_MANAGER_URL` names a server.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import uuid4

import langgraph.store.memory
import pytest

from context_manager_client import Client
from context_manager_client.langgraph import ContextManagerStore

# They read the vectors and settings of the store in memory.
OTHER_THAN = ["test_vector_store_initialization", "test_embed_with_path"]


class Store(ContextManagerStore):
    """A store with a scope of its own, made as LangGraph's store in memory is."""

    def __init__(self, index: dict[str, Any] | None = None) -> None:
        fields = (index or {}).get("fields") or ["$"]
        super().__init__(Client(), scope=f"langgraph-tests/{uuid4()}", index=fields)


def main() -> int:
    langgraph.store.memory.InMemoryStore = Store  # type: ignore[assignment,misc]
    name = f"langgraph-checkpoint=={version('langgraph-checkpoint')}"
    with tempfile.TemporaryDirectory() as folder:
        download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
        subprocess.run([*download, "--dest", folder, name], check=True)
        with tarfile.open(next(Path(folder).glob("*.tar.gz"))) as source:
            source.extractall(folder, filter="data")
        (tests,) = Path(folder).glob("*/tests/test_store.py")
        options = ["--rootdir", str(tests.parents[1]), "-p", "no:cacheprovider", "-o", "addopts="]
        return pytest.main([*options, "-k", " and ".join(f"not {test}" for test in OTHER_THAN), str(tests)])


if __name__ == "__main__":
    sys.exit(main())
