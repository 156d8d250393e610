from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import context_manager_client

from .conftest import ROOT

SCRIPT = Path(__file__).resolve().parents[1] / "scripts" / "generate.py"


def test_generated_files_are_up_to_date() -> None:
    pytest.importorskip("datamodel_code_generator", reason="pip install --group dev")
    done = subprocess.run([sys.executable, SCRIPT, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_version_is_that_of_the_server() -> None:
    workspace = re.findall(r'\[workspace\.package\]\nversion = "(.*)"', (ROOT / "Cargo.toml").read_text())
    assert workspace == [context_manager_client.__version__]


def test_the_licence_is_that_of_the_repository() -> None:
    assert (SCRIPT.parents[1] / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
