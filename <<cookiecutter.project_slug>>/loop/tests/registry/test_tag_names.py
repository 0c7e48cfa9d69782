"""Names of tags: the loop's own reader says what gto's says."""

from __future__ import annotations

import pytest
from gto.constants import Action as GtoAction
from gto.tag import TagTemplates, parse_name
from gto.versions import SemVer
from hypothesis import example, given
from hypothesis import strategies as st

from mlops_loop.registry.names import Action, is_stage, named, order, parsed

PIECES = (
    "model", "=model", "sub/model", "@", "#", "!", "v1.2.3", "v0.0.0", "v01.2.3", "v1.2",
    "v1.2.3-rc.1", "v1.2.3-01", "v1.2.3+build.7", "production", "a/b", "-", "_", "7", "007",
    "deprecated", "created", ".", "V1.2.3", "\n",
)  # fmt: skip
NAMES = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=6).map("".join),
    st.lists(st.sampled_from(PIECES), max_size=4).map(lambda parts: "model" + "".join(parts)),
)
VERSIONS = ("v1.0.0", "v1.0.0-rc.1", "v1.0.0-rc.2", "v1.0.0-1", "v1.2.0", "v1.10.0", "v2.0.0+b")


@given(NAMES)
@example("model@v1.4.0")
@example("model@v1.4.0!#3")
@example("model#production#7")
@example("model#production!#8")
@example("model@deprecated#9")
def test_read_as_gto_reads_them(name):
    """Every part, of the artifact `model`; all others are none."""
    known = parse_name(name, raise_on_fail=False) if not name.endswith("\n") else {}
    found = parsed(name)
    assert (found is not None) == (known.get("name") == "model")
    if found:
        parts = (found.version or None, found.stage or None, found.counter)
        assert parts == (known.get("version"), known.get("stage"), known.get("counter", 0))
        assert action(known) is found.action


def action(known):
    """Ours, of what gto read; it has none for an artifact that was created."""
    name = known.get("action", GtoAction.CREATE).name
    return Action.OTHER if name in ("CREATE", "DEPRECATE") else Action[name]


@pytest.mark.parametrize("name", ["REGISTER", "DEREGISTER", "ASSIGN", "UNASSIGN"])
def test_written_as_gto_writes_them(name):
    """Without the counter."""
    parts = {"version": "v1.4.0", "stage": "production"}
    gtos = TagTemplates[GtoAction[name]].format(artifact="model", **parts)
    assert named(Action[name], **parts) == gtos


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("other", VERSIONS)
def test_versions_are_sorted_as_gto_sorts_them(version, other):
    """By semantic versioning, so that a release candidate is before its release."""
    assert (order(version) > order(other)) == (SemVer(version) > SemVer(other))


def test_names_of_stages():
    """Letters, digits, - and _ between letters or digits."""
    assert [is_stage(name) for name in ("production", "a_b-2", "a/b")] == [True] * 3
    assert [is_stage(name) for name in ("", "-a", "a b", "a@b", "a!", "a\n")] == [False] * 6
