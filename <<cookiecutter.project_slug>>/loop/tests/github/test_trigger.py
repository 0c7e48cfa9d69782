"""The reason of a run is data: one line, limited, escaped."""

from __future__ import annotations

import pytest

from mlops_loop.errors import UsageError
from mlops_loop.github import trigger


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({}, ""),
        ({"schedule": "0 0 * * *"}, ""),
        ({"inputs": None}, ""),
        ({"inputs": {"reason": "by hand"}}, "by hand"),
        ({"client_payload": {}}, ""),
        (
            {"client_payload": {"reason": "new  prices\n::error::x\x1b[0m\u202e"}},
            "new prices ::error::x [0m",
        ),
        ({"inputs": {"reason": "##[set-output name=allowed]1"}}, "## [set-output name=allowed]1"),
        ({"inputs": {"reason": "x" * 1000}}, "x" * 200),
    ],
)
def test_a_reason(event, expected):
    """Of a person or of a system; empty without one."""
    assert trigger.reason(event) == expected


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        ({"ref": "evil"}, "client_payload has 'ref'"),
        ({"reason": "x" * 201}, "a text of 201 characters"),
        ({"reason": ["x"]}, r"the reason \['x'\]"),
        ([], "client_payload is list"),
    ],
)
def test_another_payload_is_refused(payload, said):
    """With what is allowed."""
    with pytest.raises(UsageError, match=f"{said}.*Next: gh api"):
        trigger.reason({"client_payload": payload})


def test_what_is_shown(tmp_path):
    """The summary is Markdown, which nothing in a reason adds to; the log gets one line."""
    event = {"client_payload": {"reason": "<img src=x> @all [a](http://b) `c`\n# d"}}
    path = tmp_path / "summary.md"
    log = trigger.show(event, {"GITHUB_STEP_SUMMARY": str(path)})
    assert log == "Started with the reason: '<img src=x> @all [a](http://b) `c` # d'"
    (line,) = path.read_text().splitlines()
    assert line.startswith("Started with the reason: &#60;img src=x&#62;")
    assert not set("<[`") & set(line)
    assert "@all" not in line
    assert trigger.show({}, {"GITHUB_STEP_SUMMARY": str(tmp_path / "none")}) == ""
    assert not (tmp_path / "none").exists()
