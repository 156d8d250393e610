"""A chat whose memory is an MCP server: the host recalls before each turn, and the model stores what lasts.

It needs a server (`context-manager serve`) and `pip install 'mcp>=2'`; CONTEXT_MANAGER_URL names another address than
http://127.0.0.1:8080. It talks by itself; `python chat.py --talk` talks with you.
"""

import asyncio
import os
import sys
from collections.abc import Iterator

from mcp import Client

URL = os.environ.get("CONTEXT_MANAGER_URL", "http://127.0.0.1:8080")
SCRIPT = ["Remember that the staging database is called kestrel", "What is the staging database called?"]


def model(prompt: str) -> tuple[str, dict[str, str] | None]:
    """Stands in for a language model: returns a reply, and the arguments of `memory_store` where it calls that."""
    notes, _, said = prompt.rpartition("\n")
    if said.startswith("Remember that "):
        return "I will.", {"text": said.removeprefix("Remember that ")}
    quoted = [line.removeprefix("> ") for line in notes.splitlines() if line.startswith("> ")]
    return f"I remember: {quoted[0]}" if quoted else "I do not know.", None


def said() -> Iterator[str]:
    if "--talk" in sys.argv:
        while text := input("you: "):
            yield text
    for text in [] if "--talk" in sys.argv else SCRIPT:
        print(f"you: {text}")
        yield text


async def main() -> None:
    async with Client(f"{URL}/mcp") as memory:
        for text in said():
            recalled = await memory.call_tool("memory_context", {"query": text, "max_tokens": 500})
            notes = "\n".join(part.text for part in recalled.content if part.type == "text")
            reply, stored = model(f"{notes}\n{text}")
            if stored:
                await memory.call_tool("memory_store", stored)
            print(f"model: {reply}")


if __name__ == "__main__":
    asyncio.run(main())
