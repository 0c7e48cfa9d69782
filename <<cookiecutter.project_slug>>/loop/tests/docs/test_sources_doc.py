"""`docs/sources.md` says what `params.py` accepts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from mlops_loop import params
from mlops_loop.source_params import BUILT_IN

TEXT = (Path(__file__).parents[2] / "docs" / "sources.md").read_text(encoding="utf-8")
EXAMPLES = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["source"]["kind"])
def test_every_example_is_accepted(tmp_path, make_params, example):
    """In place of another source."""
    others = make_params().model_dump(mode="json", by_alias=True)
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(others | example))
    assert params.load(tmp_path / "params.yaml").source.kind == example["source"]["kind"]


@pytest.mark.parametrize("section", BUILT_IN.values())
def test_every_key_is_explained(section):
    """In the table of its kind, which has an example too."""
    assert section.model_fields["kind"].default in [e["source"]["kind"] for e in EXAMPLES]
    keys = {frozenset(re.findall(r"^\| `(\w+)` \|", part, re.M)) for part in TEXT.split("\n## ")}
    assert frozenset(section.model_fields) - {"kind"} in keys
