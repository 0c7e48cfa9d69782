"""A function of the user's as a source: its table is read like any other, its failures reported."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from mlops_loop import errors, paths, source_params
from mlops_loop.pipeline import ingest
from mlops_loop.sources import table


@pytest.fixture
def read(own_package):
    """`read("return ...", first=1)`: the table of a source whose function has this body."""

    def run(body: str, **options: object) -> pd.DataFrame:
        indented = "\n".join(f"    {line}" for line in body.splitlines())
        own_package(
            extensions=f"import pandas as pd\n\ndef numbers(options):\n{indented}\n\n"
            "SOURCES = {'numbers': numbers}\n"
        )
        keys = {"kind": "numbers", "fingerprint": str(paths.SOURCE_STATE)}
        return table.read(source_params.Own(**keys, **options))

    return run


def test_the_table_is_what_the_function_returns(read):
    """Options are what stands beside `kind` and `fingerprint`."""
    rows = read("return pd.DataFrame({'n': range(options['rows'])})", rows=3)
    assert rows["n"].tolist() == [0, 1, 2]


def test_index_and_attributes_are_not_stored(read, tmp_path):
    """They are no columns, and would change the file with every run."""
    rows = read("t = pd.DataFrame({'n': [1]}, index=[9])\nt.attrs['a'] = object()\nreturn t")
    assert rows.index.tolist() == [0]
    rows.to_parquet(tmp_path / "t.parquet")


def test_the_stage_stores_it(read, make_params, tmp_path, monkeypatch):
    """Dates, categories and mixed values too."""
    monkeypatch.chdir(tmp_path)
    body = """return pd.DataFrame({
        'at': pd.to_datetime(['2024-01-01', None]), 'c': pd.Categorical(['a', 'b']),
        'mixed': [1, 'x'], 'list': [[1], None]})"""
    read(body)
    source = {"kind": "numbers", "fingerprint": "data"}
    ingest.run(make_params("binary", {"source": source}))
    stored = pd.read_parquet(paths.INGESTED)
    assert stored["mixed"].tolist() == ["1", "x"]
    assert stored["list"].tolist()[0] == "[1]"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("return {}['x']", r"KeyError: 'x' \(extensions.py, line 4\)"),
        ("raise OSError('no route\\nto host')", r"OSError: no route to host \(ext.*line 4\)"),
        ("raise ValueError", r"ValueError \(extensions.py, line 4\)"),
        ("return pd.DataFrame({'n': [1]}).loc[:, ['m']]", r"KeyError: .*\(extensions.py, line 4\)"),
        ("return options['first']", "KeyError: 'first'"),
        ("options['first'] = 1", "TypeError: .*mappingproxy"),
        ("return pd.DataFrame({'n': []})", "has no rows"),
        ("return pd.DataFrame([[1, 2]], columns=['n', 'n'])", "has the column 'n' twice"),
    ],
)
def test_a_function_that_fails_is_reported_in_one_sentence(read, body, reason):
    """With what it said, and the line of the user's code."""
    with pytest.raises(errors.DataRefused, match=rf"^The source 'numbers' .*{reason}") as error:
        read(body)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("return [1]", "returns list: it must return a pandas DataFrame"),
        ("pass", "returns NoneType: it must return a pandas DataFrame"),
        ("return pd.DataFrame([[1]])", "returns a column 0: the name of a column must be a text"),
    ],
)
def test_another_type_is_refused(read, body, reason):
    """By the name of the source."""
    with pytest.raises(errors.UsageError, match=rf"extensions.SOURCES\['numbers'\] {reason}"):
        read(body)


def test_a_missing_library_names_the_next_step(read):
    """As for the driver of a database."""
    with pytest.raises(errors.UsageError, match=r"needs 'no_such_library'.*Next: uv add"):
        read("import no_such_library")


def test_an_error_of_the_loop_passes(read):
    """A function may refuse data in its own words."""
    with pytest.raises(errors.DataRefused, match=r"^Not before noon$"):
        read("from mlops_loop.errors import DataRefused\nraise DataRefused('Not before noon')")


@pytest.mark.parametrize(
    "raised",
    [
        "OSError(os.environ['TOKEN'])",
        "OSError(f\"https://me:{os.environ['TOKEN']}@host/rows?token={os.environ['TOKEN']}\")",
        "OSError('postgresql://me:pa55word@host/db is down')",
        "OSError('https://host/rows?key=pa55word is down')",
    ],
)
def test_no_secret_is_shown(read, monkeypatch, raised):
    """Nor that of a variable which an option names, nor one in a URL; nor in the cause."""
    monkeypatch.setenv("TOKEN", "pa55word")
    with pytest.raises(errors.DataRefused, match="OSError") as error:
        read(f"import os\nraise {raised}", token_env="TOKEN")
    assert "pa55" not in str(error.value)
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__


def test_the_old_rows_stay_when_the_source_fails(read, make_params, tmp_path, monkeypatch):
    """As for every source."""
    monkeypatch.chdir(tmp_path)
    read("return pd.DataFrame({'n': [1]})")
    own = make_params("binary", {"source": {"kind": "numbers", "fingerprint": "data"}})
    ingest.run(own)
    before = Path(paths.INGESTED).read_bytes()
    with pytest.raises(errors.DataRefused):
        read("raise OSError")
    with pytest.raises(errors.DataRefused):
        ingest.run(own)
    assert Path(paths.INGESTED).read_bytes() == before
