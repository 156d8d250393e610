"""An agent with a memory: it recalls before it answers, and stores what was said.

It needs a server (`context-manager serve`) and `pip install ./clients/python`; CONTEXT_MANAGER_URL names another
address than http://127.0.0.1:8080.
"""

from uuid import uuid4

from context_manager_client import Client


def model(prompt: str) -> str:
    """Stands in for a language model: it answers with the first note in its prompt."""
    notes = [line.removeprefix("> ") for line in prompt.splitlines() if line.startswith("> ")]
    return f"You told me: {notes[0]}" if notes else "I will remember that."


def answer(memory: Client, user_id: str, session_id: str, said: str) -> str:
    notes = memory.assemble_contexts(said, max_tokens=500, user_id=user_id)
    if notes.degraded:
        print(f"(recalled without {', '.join(notes.degraded)})")
    reply = model(f"{notes.prompt}\n{said}")
    memory.store_context(said, user_id=user_id, session_id=session_id)
    return reply


def main() -> None:
    user_id = f"mira-{uuid4()}"
    with Client() as memory:
        for session_id, said in [("monday", "I am allergic to peanuts"), ("friday", "May I eat peanuts?")]:
            print(f"{session_id}, Mira:  {said}")
            print(f"{session_id}, agent: {answer(memory, user_id, session_id, said)}")


if __name__ == "__main__":
    main()
