"""A page to look at a table, for eyes only."""

from __future__ import annotations

import re

import pytest

from mlops_loop import errors, files
from mlops_loop.pipeline import profile


def test_the_page_is_one_file_about_every_column(tmp_path, make_rows):
    """Target first, reserved columns left out, and nothing that a browser would fetch."""
    files.write_table(make_rows(200), tmp_path / "rows.parquet")
    profile.run(tmp_path / "rows.parquet", tmp_path / "out" / "page.html")
    page = (tmp_path / "out" / "page.html").read_text(encoding="utf-8")
    for text in ("target", "colour", "town", "200 rows"):
        assert text in page
    assert "_group" not in page
    assert not re.search(r"""<(script|link|img)[^>]*(src|href)=["']https?:""", page)


def test_large_tables_are_thinned(tmp_path, make_rows, monkeypatch):
    """Evenly, first and last row included."""
    monkeypatch.setattr(profile, "MAX_ROWS", 10)
    make_rows(95).to_csv(tmp_path / "rows.csv", index=False)
    ids = profile.read(tmp_path / "rows.csv")["id"]
    assert (len(ids), ids.iloc[0], ids.iloc[-1]) == (10, 0, 94)


@pytest.mark.parametrize("name", ["none.csv", "none.parquet", "words.parquet", "empty.csv"])
def test_what_is_no_table_is_refused(tmp_path, name):
    """In one sentence, with the path; so is an empty quarantine."""
    (tmp_path / "words.parquet").write_text("words")
    (tmp_path / "empty.csv").write_text("a,b\n")
    with pytest.raises(errors.ProjectError, match=name):
        profile.read(tmp_path / name)


def test_a_csv_is_shown_as_it_is_written(tmp_path):
    """A code keeps its zeros; a column of numbers is one, with a word for missing in it too."""
    (tmp_path / "a.csv").write_text("code,size,word\n00501,1.50,NA\n02115,NA,b\n")
    table = profile.read(tmp_path / "a.csv")
    assert table["code"].tolist() == ["00501", "02115"]
    assert table["word"].tolist() == ["NA", "b"]
    assert table["size"].tolist()[0] == 1.5
    assert table["size"].isna().tolist() == [False, True]
