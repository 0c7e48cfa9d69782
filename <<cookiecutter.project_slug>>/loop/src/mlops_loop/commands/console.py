"""What the commands share: examples in help texts, outputs of a workflow's step, common options."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

push = click.option("--push", is_flag=True, help="Push the tag to origin, too.")
as_json = click.option("--json", "machine", is_flag=True, help="Print JSON for machines.")
file = click.Path(path_type=Path)


def example(*calls: str) -> str:
    """The end of a command's help text; \\b keeps click from joining the lines."""
    return "\n".join(("\b", "Example:", *(f"  loop {call}" for call in calls)))


def print_outputs(facts: Mapping[str, str]) -> None:
    """Print facts for people and, in a workflow, as the outputs of its step."""
    lines = [f"{name}={' '.join(text.split())}" for name, text in facts.items()]
    click.echo("\n".join(lines))
    if path := os.environ.get("GITHUB_OUTPUT"):
        with Path(path).open("a", encoding="utf-8") as output:
            output.write("\n".join([*lines, ""]))


def to_json(data: Any) -> str:
    """JSON for machines; dataclasses as objects."""
    return json.dumps(data, indent=2, ensure_ascii=False, default=asdict)
