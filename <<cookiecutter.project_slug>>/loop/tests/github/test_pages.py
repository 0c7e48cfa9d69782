"""Whether Pages may take the dashboard: by what the owner asked, and who could read it."""

from __future__ import annotations

import itertools

import pytest

from mlops_loop.errors import GitHubRefused
from mlops_loop.github import pages
from mlops_loop.github.pages import Site

SITES = [None, *(Site("URL", *facts) for facts in itertools.product((True, False), repeat=2))]


def test_nothing_is_published_unasked():
    """Whatever the repository and its site are; a word that is not known is no wish."""
    for asked, site, private in itertools.product(
        ("", "false", "1", "TRUE "), SITES, (True, False)
    ):
        assert pages.obstacle(asked, site, is_private=private), (asked, site, private)


def test_true_never_adds_readers():
    """Of all cases, these publish: built by workflows, and no more public than the repository."""
    cases = list(itertools.product(("true", "public"), SITES, (True, False)))
    published = {case for case in cases if not pages.obstacle(*case[:2], is_private=case[2])}
    everybody, readers = Site("URL", True, True), Site("URL", True, False)
    assert published == {
        ("true", everybody, False),
        ("true", readers, False),
        ("true", readers, True),
        *itertools.product(["public"], [everybody, readers], (True, False)),
    }


def test_what_github_leaves_out_publishes_nothing():
    """A site of unknown source, for everybody."""
    assert Site.of({"html_url": "URL", "build_type": None}) == Site("URL", False, True)


@pytest.mark.parametrize("status", [404, 403])
def test_only_404_says_that_there_is_no_site(monkeypatch, hub, status):
    """Any other refusal is no answer."""

    def refuse(method, **arguments):
        raise GitHubRefused("no", status)

    monkeypatch.setattr(hub, "call", refuse)
    if status == 404:
        assert pages.find(hub) is None
        return
    with pytest.raises(GitHubRefused):
        pages.find(hub)
