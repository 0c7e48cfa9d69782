"""The page about one's own data, followed word by word to a served prediction."""

import json
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from conftest import DEFAULTS, check, environment_of, give_environment
from documents import Block, blocks

# The environment is that of another project, so it must not be synced with this folder.
INSTEAD = {"make test": "python -m pytest -q"}


@pytest.fixture(scope="module")
def followed(baked, loop, module_path) -> dict[str, str]:
    """Do what every block says, in order; give what each command printed."""
    folder = module_path / "flight-delays"
    shutil.copytree(baked(DEFAULTS), folder)
    give_environment(folder, loop("classification").project)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    printed, servers = {}, []
    try:
        for block in blocks(folder / "loop" / "docs" / "own-data.md"):
            if block.kind != "sh":
                write(folder, block)
            elif " serve " in block.text:
                servers.append(start(folder, block.text.replace("8000", port)))
            else:
                printed |= follow(folder, block.text.replace("8000", port))
    finally:
        for server in servers:
            server.terminate()
            server.wait(timeout=30)
    return printed | {"folder": str(folder)}


def follow(folder: Path, text: str) -> dict[str, str]:
    """Run commands one by one, and give what each printed."""
    commands = [INSTEAD.get(line, line) for line in text.splitlines()]
    return {
        command: check("bash", "-c", command, cwd=folder, env=environment_of(folder))
        for command in commands
    }


def start(folder: Path, command: str) -> subprocess.Popen:
    """Start what goes on in a terminal of its own."""
    return subprocess.Popen(
        ["bash", "-c", f"exec {command}"], cwd=folder, env=environment_of(folder)
    )


def write(folder: Path, block: Block) -> None:
    """Write the file that a block names; the page is the same in every project."""
    path = folder / block.path.replace("<package>", "flight_delays")
    path.write_text(block.text, encoding="utf-8")


def said(followed: dict[str, str], part: str) -> str:
    """Return what the one command that contains `part` printed."""
    [text] = [text for command, text in followed.items() if part in command]
    return text


def test_the_model_of_the_page_passes_its_gate_and_is_registered(followed):
    """The first model, on floors alone."""
    assert said(followed, " gate").startswith("PROMOTE")
    assert "model@v1.0.0" in said(followed, "registry register")
    assert "model#production#1" in said(followed, "registry assign")


def test_the_endpoint_of_the_page_answers_the_golden_rows(followed):
    """Asked by the command that the page gives."""
    assert "golden rows, equal to" in said(followed, "smoke")


def test_the_contract_is_that_of_the_new_table(followed):
    """Nothing of the sample is left in it, and the new column is there."""
    path = Path(followed["folder"], "models/bundle/contract.json")
    contract = json.loads(path.read_text(encoding="utf-8"))
    names = [column["name"] for column in contract["columns"]]
    assert names == ["mean texture", "mean area", "mean smoothness", "unevenness"]
    assert contract["classes"] == ["benign", "malignant"]


def test_the_own_tests_of_the_project_pass_with_the_new_data(followed):
    """All of them: no test is about the sample alone."""
    assert " passed" in said(followed, "pytest")
