"""What the section `traffic` may say."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from mlops_loop.monitoring.traffic import kinds

SECTION = TypeAdapter(kinds.Traffic)


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ({"kind": "endpoint"}, kinds.Endpoint()),
        ({"kind": "folder", "path": "s3://b/log?x=1"}, kinds.Folder(path="s3://b/log?x=1")),
        ({"kind": "postgres"}, kinds.Postgres(url_env="LOG_URL")),
        ({"kind": "replay", "warm_up_days": 0}, kinds.Replay(warm_up_days=0)),
    ],
)
def test_a_kind(given, made):
    """Its name chooses the model."""
    assert SECTION.validate_python(given) == made


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"kind": "csv"},
        {"kind": "folder"},
        {"kind": "endpoint", "key": "x"},
        {"kind": "postgres", "url_env": "postgresql://me:secret@host/db"},
        {"kind": "replay", "label_delay_days": -1},
    ],
)
def test_a_wrong_section(given):
    """Is refused."""
    with pytest.raises(ValidationError):
        SECTION.validate_python(given)


def test_a_name_shows_no_secret():
    """Neither user nor query."""
    assert kinds.Folder(path="s3://me@bucket/log/?sig=x").name == "s3://bucket/log"
