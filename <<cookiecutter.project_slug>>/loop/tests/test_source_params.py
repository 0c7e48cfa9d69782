"""The section `source`: each kind is read or refused by key, and no secret is repeated."""

from __future__ import annotations

import re
from pathlib import Path
from types import MappingProxyType

import pytest
import yaml

from mlops_loop import errors, params, paths, source_params
from mlops_loop.sections import Section


class Holder(Section):
    """A file with this one section."""

    source: source_params.Source


@pytest.fixture
def read(tmp_path):
    """`read({"kind": "files", ...})` writes it into params.yaml and reads that."""

    def write_and_read(source: object) -> source_params.Source:
        path = tmp_path / "params.yaml"
        path.write_text(yaml.safe_dump({"source": source}))
        return params.read_yaml(path, Holder).source

    return write_and_read


STATE = str(paths.SOURCE_STATE)
SQL = {"kind": "sql", "query": "rows.sql", "fingerprint": STATE}
API = {"kind": "api", "url": "https://host/rows", "fingerprint": STATE}
FILES = {"kind": "files", "path": "data/*.csv", "fingerprint": "data"}
OWN = {"kind": "months", "fingerprint": "data/raw"}
REMOTE = {"path": "https://host/rows.csv", "fingerprint": STATE}
KINDS = "'files', 'sql', 'api', 'months', 'weeks'"
SECRET = "looks like a secret, and this file is committed"
WRONG = [
    (FILES, {"kind": "ftp"}, f"source.kind = 'ftp': choose one of: {KINDS}$"),
    (FILES, {"kind": 1}, "source.kind = 1: Input should be a valid string"),
    (FILES, {"kind": None}, f"source: kind is missing. Choose one of: {KINDS}$"),
    ({}, {"path": "data/*.csv"}, f"source: kind is missing. Choose one of: {KINDS}$"),
    (FILES, {"fingerprint": "elsewhere"}, f"fingerprint must be {STATE}, or .*folder of data/"),
    (FILES, {"path": "https://u@host/a.csv?s=1"}, "folder of https://host/a.csv$"),
    (FILES, REMOTE | {"path": "ftp://me:pw@host/a"}, "path has a password in it"),
    (FILES, REMOTE | {"fingerprint": 1}, "source.fingerprint = 1: Input should be a valid string"),
    (SQL, {"fingerprint": "data"}, f"source.fingerprint = 'data': Input should be '{STATE}'"),
    (SQL, {"query": None}, "source.query = None: Input should be a valid string"),
    (SQL, {"chunk_rows": 0}, "source.chunk_rows = 0: .*greater than or equal to 1"),
    (SQL, {"url_env": "postgres://me:pw@host/db"}, "source.url_env: String should match"),
    (SQL, {"url": "postgres://me:pw@host/db"}, "source.url: Extra inputs are not permitted"),
    (SQL, {"password": "pw"}, "source.password: Extra inputs are not permitted"),
    (API, {"fingerprint": "data"}, f"source.fingerprint = 'data': Input should be '{STATE}'"),
    (API, {"url": "https://me:pw@host/rows"}, "without user or password"),
    (API, {"url": "https://pw@host"}, "without user or password"),
    (API, {"url": "ftp://host/rows"}, r"url must be http\(s\)://HOST/PATH"),
    (API, {"url": "https:///rows"}, r"url must be http\(s\)://HOST/PATH"),
    (API, {"token_env": "pw pw"}, "source.token_env: String should match"),
    (API, {"next": "next", "page_param": "page"}, "next and page_param are two ways"),
    (OWN, {"kind": "years"}, f"source.kind = 'years': choose one of: {KINDS}$"),
    (OWN, {"fingerprint": "/mnt"}, f"source.fingerprint = '/mnt': must be {STATE}, or a file"),
    (OWN, {"fingerprint": "../x"}, f"source.fingerprint = '../x': must be {STATE}, or a file"),
    (OWN, {"fingerprint": "s3://b"}, f"source.fingerprint = 's3://b': must be {STATE}, or a file"),
    (OWN, {"fingerprint": ""}, f"source.fingerprint = '': must be {STATE}, or a file"),
    (OWN, {"fingerprint": "ftp://me:pw@h"}, f"source.fingerprint: must be {STATE}, or a file"),
    (OWN, {"kind": "ftp://me:pw@h"}, "source.kind: choose one of"),
    (SQL, {"fingerprint": "ftp://me:pw@h"}, f"source.fingerprint: Input should be '{STATE}'"),
    (OWN, {"password": "pw"}, f"password {SECRET}"),
    (OWN, {"db_secret": "pw"}, f"db_secret {SECRET}"),
    (OWN, {"token": "pw"}, f"token {SECRET}"),
    (OWN, {"apiKey": "pw"}, f"apiKey {SECRET}"),
    (OWN, {"url": "postgres://me:pw@host/db"}, f"url {SECRET}"),
    (OWN, {"urls": ["https://me:pw@host"]}, f"urls {SECRET}"),
    (
        OWN,
        {"fingerprint": None, "password": "pw"},
        "source.fingerprint = None: Input should be a valid",
    ),
]


@pytest.fixture
def months(own_package) -> Path:
    """A package with two kinds of source."""
    return own_package(extensions="SOURCES = {'months': print, 'weeks': print}")


@pytest.mark.usefixtures("months")
@pytest.mark.parametrize(("source", "changes", "reason"), WRONG, ids=[str(s[1]) for s in WRONG])
def test_a_wrong_source_is_refused_by_key(read, source, changes, reason):
    """Without the level of the kind, which the file does not have, and without a password."""
    with pytest.raises(errors.UsageError) as error:
        read(source | changes)
    [line] = str(error.value).splitlines()
    assert re.search(f"params.yaml: (source: .*)?{reason}", line.removesuffix("."))
    assert "pw" not in line


@pytest.mark.parametrize("source", [None, "files", 1, ["files"]], ids=str)
def test_a_source_that_is_no_section_is_refused(read, source):
    """By its key."""
    with pytest.raises(errors.UsageError, match=r"params\.yaml: source.*kind is missing"):
        read(source)


@pytest.mark.parametrize(
    "source",
    [
        FILES,
        FILES | {"path": "data/a.csv", "fingerprint": "data/a.csv"},
        FILES | {"path": "/mnt/*.csv", "fingerprint": STATE},
        FILES | {"path": "s3://me@bucket/?/a=b:c@d.csv", "fingerprint": STATE},
        SQL,
        API | {"url": "http://localhost:8000/rows?by=a@b", "token_env": "TOKEN"},
    ],
    ids=["folder", "file", "elsewhere", "s3", "sql", "api"],
)
def test_a_source_of_each_kind(read, source):
    """As it is written, with a name for the model card; the user's package is not asked."""
    section = read(source)
    assert section.kind == source["kind"]
    assert section.name.startswith(("data", "/mnt", "s3://bucket", "rows.sql", "http://local"))
    assert "@" not in section.name.partition("/?")[0]


@pytest.mark.usefixtures("months")
def test_a_source_of_an_own_kind_has_options(read):
    """All keys but `kind` and `fingerprint`; its name shows none of them."""
    more = {"first": 1, "token_env": "TOKEN", "page_token": "next", "where": {"n": [1, 2]}}
    section = read(OWN | more | {"fingerprint": STATE})
    assert section.name == "months"
    assert dict(section.options) == more | {"where": {"n": (1, 2)}}


@pytest.mark.usefixtures("months")
def test_options_cannot_be_changed(read):
    """One call of the function must not change the next one."""
    options = read(OWN | {"where": {"n": [1, 2]}}).options
    with pytest.raises(TypeError):
        options["first"] = 2
    assert isinstance(options["where"], MappingProxyType)


def test_without_a_package_there_are_the_built_in_kinds(read):
    """As where the loop itself is tested."""
    with pytest.raises(errors.UsageError, match=r"choose one of: 'files', 'sql', 'api'\.$"):
        read(OWN)


def test_an_own_kind_does_not_replace_a_built_in_one(read, own_package):
    """The loop's own kind is meant."""
    own_package(extensions="SOURCES = {'files': print}")
    assert isinstance(read(FILES), source_params.Files)
    assert source_params.kinds() == ["files", "sql", "api"]


def test_a_package_that_fails_says_where(read, own_package):
    """Its own error, with the line."""
    own_package(extensions="1 / 0")
    with pytest.raises(errors.UsageError, match=r"ZeroDivisionError.*\(extensions.py, line 1\)"):
        read(OWN)
