"""docs/trackers.md names the variables, messages and numbers of the code."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from mlops_loop.commands import publish
from mlops_loop.errors import TrackerUnavailable
from mlops_loop.trackers import address, tensorboard_events

LOOP = Path(__file__).parents[2]
PAGE = (LOOP / "docs" / "trackers.md").read_text(encoding="utf-8")
FOLDER = LOOP / "src" / "mlops_loop" / "trackers"


def code():
    """All text of the room and of the command, as if it stood on one line."""
    paths = [*FOLDER.glob("*.py"), FOLDER.parent / "commands" / "publish.py"]
    text = " ".join(path.read_text(encoding="utf-8") for path in sorted(paths))
    return " ".join(re.sub(r'"\s+f?"', "", text).split())


def messages():
    table = PAGE.partition("## When it fails")[2]
    return re.findall(r"^\| `([^`]+)`", table, re.MULTILINE)


@pytest.mark.parametrize("message", messages())
def test_a_message_is_one_of_the_code(message):
    """But for what stands in it: a host, a name, a number."""
    parts = re.split(r"HOST|\.\.\.|\b3\d\d?(?= s$)|30[0-9]?(?=[ )])|'\S+'|dvc\.lock", message)
    assert len(messages()) > 8
    for part in filter(None, (part.strip() for part in parts)):
        assert part.strip("() ,") in code(), part


def test_each_variable_is_read():
    names = set(re.findall(r"`(MLFLOW_[A-Z_]+)`", PAGE)) - {"MLFLOW_TRACKING_SERVER_CERT_PATH"}
    constants = [value for name, value in vars(address).items() if name.isupper()]
    assert names == {value for value in constants if isinstance(value, str)}


def test_numbers_and_extras():
    """The exit code, the seconds, the scale of a curve's axis, and what to install."""
    options = {option.name: option for option in publish.publish.params}
    assert f"given up after\n{options['timeout_s'].default:g} seconds" in PAGE
    assert f"exits with {TrackerUnavailable.exit_code}" in PAGE
    assert f"step {0.25 * tensorboard_events.STEPS:g} is x = 0.25" in PAGE
    settings = tomllib.loads((LOOP / "pyproject.toml").read_text(encoding="utf-8"))
    extras = set(re.findall(r"mlops-loop\[(\w+)\]", PAGE))
    assert extras <= settings["project"]["optional-dependencies"].keys()
    assert extras == {"mlflow", "tensorboard"}
