"""The leading generator of Python clients reads the whole OpenAPI document."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

DOCUMENT = Path(__file__).parents[3] / "docs" / "openapi.json"
IMPORT_ALL = """
import importlib, pkgutil, generated
for module in pkgutil.walk_packages(generated.__path__, "generated."):
    importlib.import_module(module.name)
"""


def test_openapi_python_client_makes_a_function_of_every_operation(tmp_path: Path) -> None:
    pytest.importorskip("openapi_python_client", reason="pip install --group dev")
    generator = Path(sys.executable).with_name("openapi-python-client")
    options = ["--path", str(DOCUMENT), "--output-path", str(tmp_path / "generated"), "--meta", "none"]
    subprocess.run([str(generator), "generate", *options], check=True, capture_output=True, cwd=tmp_path)
    subprocess.run([sys.executable, "-c", IMPORT_ALL], check=True, cwd=tmp_path)
    made = {path.stem for path in (tmp_path / "generated" / "api").glob("*/*.py")} - {"__init__"}
    paths = json.loads(DOCUMENT.read_text())["paths"].values()
    assert made == {operation["operationId"] for path in paths for operation in path.values()}
