"""What GitHub shows to people: forms of issues, code owners, how to cite."""

import pytest
from conftest import ROOT, check, require_tool

GITHUB = ROOT / ".github"
FILES = {
    "github-issue-forms": [GITHUB / f"ISSUE_TEMPLATE/{name}.yml" for name in ("idea", "problem")],
    "github-issue-config": [GITHUB / "ISSUE_TEMPLATE/config.yml"],
    "citation-file-format": [ROOT / "CITATION.cff"],
}


@pytest.mark.parametrize(("kind", "paths"), FILES.items(), ids=FILES)
def test_a_schema_takes_it(kind, paths):
    """That of GitHub's documentation, or of the format."""
    types = ["--force-filetype=yaml"] if kind == "citation-file-format" else []
    call = [f"--builtin-schema=vendor.{kind}", *types, *paths]
    check(require_tool("check-jsonschema"), *call, cwd=ROOT)


def test_no_file_is_forgotten():
    """Each file of the folder is held to a schema."""
    held = {path for paths in FILES.values() for path in paths}
    assert set((GITHUB / "ISSUE_TEMPLATE").iterdir()) <= held
