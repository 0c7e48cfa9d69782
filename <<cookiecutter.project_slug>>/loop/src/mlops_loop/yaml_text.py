"""YAML as DVC reads and writes it: version 1.2, where `yes` is a text and `1e-05` a number."""

from __future__ import annotations

import io
import re
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString as quoted

__all__ = ["YAMLError", "dump", "emptied", "flow", "parse", "parse_kept", "put", "quoted"]
SECTION = re.compile(r"(?m)^([ \-].*\n)(?=[\w#])")  # the end of one, right before the next
GAP = re.compile(r"\n\n+(?=\n|  )")  # empty lines within a section, and all but one elsewhere


def parse(text: str) -> Any:
    """Plain values of a text; raises YAMLError, also for a key that comes twice."""
    return YAML(typ="safe", pure=True).load(text)


def parse_kept(text: str) -> CommentedMap:
    """The values of a text with its comments, for `dump`."""
    return _kept().load(text)


def dump(data: CommentedMap) -> str:
    """The text of what `parse_kept` gave, with an empty line between sections."""
    out = io.StringIO()
    _kept().dump(data, out)
    tight = GAP.sub("\n", out.getvalue())
    return SECTION.sub(r"\1\n", tight)


def _kept() -> YAML:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.representer.add_representer(type(None), _null)
    return yaml


def _null(representer: Any, value: None) -> Any:
    return representer.represent_scalar("tag:yaml.org,2002:null", "null")


def flow(values: Any) -> Any:
    """A list or a mapping that is written on one line."""
    made = CommentedMap(values) if isinstance(values, dict) else CommentedSeq(values)
    made.fa.set_flow_style()
    return made


def put(section: CommentedMap, key: str, value: Any, comment: str | None = None) -> None:
    """Set a key; its comment stays where None is given, and is removed where it is empty."""
    section[key] = value
    if comment is not None:
        section.ca.items.pop(key, None)
    if comment:
        section.yaml_add_eol_comment(comment, key, column=0)
    for token in filter(None, section.ca.items.get(key, [])[2:3]):
        token.column = 0  # right behind the new value, not where the old one ended


def emptied(section: CommentedMap) -> CommentedMap:
    """The section without its keys; its own comment stays."""
    for key in list(section):
        del section[key]
        section.ca.items.pop(key, None)
    return section
