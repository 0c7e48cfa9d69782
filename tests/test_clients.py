"""Clients that people have ask the endpoint of a trained project, as they are by default."""

import json
import shutil
from pathlib import Path

import pytest
from conftest import AS_OF, check, require_tool
from test_page import serving

CLIENTS = Path(__file__).parent / "clients"


@pytest.fixture(scope="module")
def endpoint(trained_project, module_path):
    """Give the address of the served classifier, a file with a row, and what it predicts."""
    project = trained_project("classification")
    golden = (project / "models/bundle/golden.jsonl").read_text().splitlines()[0]
    row = module_path / "row.json"
    row.write_text(json.dumps(json.loads(golden)["row"]))
    with serving(project, module_path) as page:
        address = page.rstrip("/")
        yield address, row, json.loads(by_curl(address, row))


def by_curl(address, row):
    """Return the answer that curl gets, which sends a form's content type."""
    options = ("--silent", "--show-error", "--fail-with-body", "--data", f"@{row}")
    return check(require_tool("curl"), *options, f"{address}/predict", cwd=row.parent)


def test_java(endpoint, tmp_path):
    """The standard client of Java offers HTTP/2, and asks twice on one connection."""
    address, row, expected = endpoint
    java = require_tool("java")
    printed = check(java, CLIENTS / "Ask.java", address, row, cwd=tmp_path).splitlines()
    assert [json.loads(line)["prediction"] for line in printed] == [expected["prediction"]] * 2


def test_generated_from_the_document(endpoint, tmp_path):
    """A client of Python, generated; its functions have the names of the operations."""
    address, row, expected = endpoint
    start = (require_tool("uv"), "run", "--quiet", "--no-project", "--python", "3.11", *AS_OF)
    start = (*start, "--with", "openapi-python-client")
    made = (
        "--url",
        f"{address}/openapi.json",
        "--output-path",
        tmp_path / "made",
        "--meta",
        "none",
    )
    check(*start, "openapi-python-client", "generate", *made, cwd=tmp_path)
    shutil.copy(CLIENTS / "generated.py", tmp_path / "ask.py")
    printed = check(*start, "python", "ask.py", address, row, cwd=tmp_path)
    assert json.loads(printed) == expected
