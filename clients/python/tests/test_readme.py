"""The examples of the README run as they are printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .conftest import Server

README = Path(__file__).resolve().parents[1] / "README.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.DOTALL | re.MULTILINE)
PRINTED = ["Mira is allergic to peanuts", "Cashews are fine.", "Mira lives in Porto", "not_found"]


@pytest.mark.parametrize(("example", "printed"), list(zip(EXAMPLES, PRINTED, strict=True)))
def test_an_example_runs(
    example: str, printed: str, server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CONTEXT_MANAGER_URL", server.url)
    exec(compile(example, str(README), "exec"), {})
    assert printed in capsys.readouterr().out
