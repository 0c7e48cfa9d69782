"""The image before its package exists."""

from __future__ import annotations

import pytest

from mlops_loop.deployment import image
from mlops_loop.errors import StoreNotThere


def test_a_refusal_to_read_is_a_first_push_until_there_is_a_version(tmp_path, monkeypatch):
    """As GitHub answers 403 for a package that is not there yet."""

    def refuse(self, tag=""):
        raise StoreNotThere("403")

    monkeypatch.setenv("IMAGE_URL", "example.org/a/b")
    monkeypatch.setattr(image.Image, "digest", refuse)
    monkeypatch.setattr(image, "has_versions", lambda repo: False)
    assert image.Image(tmp_path)._built(tmp_path, "tag") == ""
    monkeypatch.setattr(image, "has_versions", lambda repo: True)
    with pytest.raises(StoreNotThere):
        image.Image(tmp_path)._built(tmp_path, "tag")
