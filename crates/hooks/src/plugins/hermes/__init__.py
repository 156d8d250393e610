"""Passes the events of a session to the Context Manager, which installed this file and removes it again."""

import json
import os
import subprocess

PROGRAM = "{program}"
# Longer than the program's own deadline: for a machine that hangs.
TIMEOUT_SECS = 5


def _text(content):
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "\n".join(part.get("text") or "" for part in parts if isinstance(part, dict))


def _hook(event, **fields):
    """Runs a hook and returns its answer, an empty one on any trouble."""
    fields["cwd"] = os.getcwd()
    try:
        done = subprocess.run(
            [PROGRAM, "hook", "hermes", event],
            input=json.dumps(fields).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=TIMEOUT_SECS,
            check=False,
        )
        return json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return {}


def _prompt(session_id="", user_message="", **_):
    answer = _hook("prompt", session_id=session_id, prompt=_text(user_message))
    return {"context": answer["context"]} if answer.get("context") else None


def _stop(session_id="", assistant_response="", **_):
    _hook("stop", session_id=session_id, reply=_text(assistant_response))


def _end(session_id=None, **_):
    if session_id:
        _hook("end", session_id=session_id)


def register(ctx):
    ctx.register_hook("pre_llm_call", _prompt)
    ctx.register_hook("post_llm_call", _stop)
    ctx.register_hook("on_session_finalize", _end)
