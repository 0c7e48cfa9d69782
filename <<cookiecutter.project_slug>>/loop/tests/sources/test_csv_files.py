"""CSV as people write it, and what the message says to who did not say how."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile

import pandas as pd
import pyarrow as pa
import pytest
import yaml
from sheets import workbook

from mlops_loop import errors, paths, source_params
from mlops_loop.file_format import FileFormat
from mlops_loop.sources import chunks, csv_files, table

GERMAN = "Größe;Ort\n1,5;Köln\n2.345,0;Łódź\n"
TABLE = {"Größe": ["1,5", "2.345,0"], "Ort": ["Köln", "Łódź"]}


@pytest.fixture
def read(tmp_path):
    """`read("a.csv", separator=";")` reads a file of the test's folder."""

    def read_path(name: str, **keys: str) -> pd.DataFrame:
        place = {"path": str(tmp_path / name), "fingerprint": str(paths.SOURCE_STATE)}
        return table.read(source_params.Files(**place, **keys))

    return read_path


def zipped(data: bytes, *more: str) -> bytes:
    """A zip with one file, and more of these names."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in ("a.csv", *more):
            archive.writestr(name, data)
    return buffer.getvalue()


PACKERS = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zip": zipped,
    ".zst": lambda data: pa.compress(data, "zstd", asbytes=True),
    "": bytes,
}


@pytest.mark.parametrize("ending", PACKERS)
def test_compressed_files_by_their_ending(tmp_path, read, ending):
    """And by a key, under any other name."""
    content = PACKERS[ending](GERMAN.encode())
    (tmp_path / f"a.csv{ending}").write_bytes(content)
    assert read(f"a.csv{ending}", separator=";").to_dict("list") == TABLE
    (tmp_path / "b").write_bytes(content)
    how = FileFormat().compression_of(f"a{ending}")
    assert read("b", separator=";", compression=how).to_dict("list") == TABLE


def test_a_zip_of_two_files_is_refused(tmp_path, read):
    """Nobody knows which is meant."""
    (tmp_path / "a.zip").write_bytes(zipped(b"x\n1\n", "b.csv"))
    with pytest.raises(errors.DataRefused, match=r"a\.zip .*one file is needed.*'a.csv', 'b.csv'"):
        read("a.zip")


@pytest.mark.parametrize("encoding", ["cp1250", "utf-16", "utf-8-sig", "utf-8"])
def test_encodings(tmp_path, read, encoding):
    """Also one with a mark of its order at the beginning."""
    (tmp_path / "a.csv").write_bytes(GERMAN.encode(encoding))
    keys = {} if encoding.startswith("utf-8") else {"encoding": encoding}
    assert read("a.csv", separator=";", **keys).to_dict("list") == TABLE


@pytest.mark.parametrize(("separator", "quote"), [("\t", "'"), ("|", '"'), (" ", "~"), (";", "'")])
def test_separators_and_quotes(tmp_path, read, separator, quote):
    """What is quoted is one field, with separators in it."""
    cell = f"{quote}a{separator}b{quote}"
    (tmp_path / "a.csv").write_text(f"x{separator}y\n{cell}{separator}00501\n")
    found = read("a.csv", separator=separator, quote=quote)
    assert found.to_dict("list") == {"x": [f"a{separator}b"], "y": ["00501"]}


def test_what_is_written_is_read(tmp_path):
    """In the same style; a number has the sign of that style."""
    style = FileFormat(separator=";", decimal=",", encoding="utf-16", quote="'")
    rows = pd.DataFrame({"x": [1.5, None], "s": ["a;b", "it's"], "n": [1, 2]})
    csv_files.write_csv(rows, tmp_path / "a.csv", style)
    found = csv_files.read_csv(tmp_path / "a.csv", style)
    assert found["x"].fillna("").tolist() == ["1,5", ""]
    assert (found["s"].tolist(), found["n"].tolist()) == (["a;b", "it's"], ["1", "2"])


FOUND = {
    "semicolons": (GERMAN.encode(), {}, '`separator: ";"` and `decimal: ","`'),
    "semicolons and points": (b"a;b\n1.5;x\n", {}, '`separator: ";"` in'),
    "ragged by decimal commas": (b"a;b\n1;2\n1,5;2,5\n", {}, '`separator: ";"` and `decimal: ","`'),
    "tabs": (b"a\tb\n1\t2\n", {}, r'`separator: "\t"` in'),
    "pipes": (b"a|b\n1|2\n", {}, '`separator: "|"` in'),
    "commas, told otherwise": (b"a,b\n1,2\n", {"separator": ";"}, '`separator: ","` in'),
    "an old Windows": (GERMAN.replace("Łódź", "x").encode("cp1252"), {},
                       '`encoding: cp1252` and `separator: ";"` and `decimal: ","`'),
    "UTF-16": ("a,b\n1,2\n".encode("utf-16"), {}, "`encoding: utf-16`"),
    "gzip without its ending": (gzip.compress(b"a,b\n1,2\n"), {}, "`compression: gzip`"),
    "zstd without its ending": (PACKERS[".zst"](b"a,b\n1,2\n"), {}, "`compression: zstd`"),
    "no gzip": (b"a,b\n1,2\n" * 9, {"compression": "gzip"}, ""),
    "Parquet": (b"PAR1...", {}, "`format: parquet`"),
    "a workbook": (workbook({"rows": [["a", "b"], [1, 2]]}), {}, "`format: excel`"),
    "zip without its ending": (zipped(b"a,b\n1,2\n"), {}, "`compression: zip`"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "keys", "words"), FOUND.values(), ids=FOUND)
def test_the_message_says_what_to_set(tmp_path, read, content, keys, words):
    """As keys of `source`, from what the file shows; nothing where it shows nothing."""
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(
        errors.DataRefused, match=r"a\.txt (cannot be read as csv|has one)"
    ) as error:
        read("a.txt", **keys)
    next_step = str(error.value).partition("Next: set ")[2]
    assert next_step.startswith(words)
    assert bool(next_step) == bool(words)


READABLE = {name: found[:2] for name, found in FOUND.items() if name not in ("no gzip", "Parquet")}


@pytest.mark.parametrize(("content", "keys"), READABLE.values(), ids=READABLE)
def test_the_advice_works(tmp_path, read, content, keys):
    """Who follows it reads both columns."""
    (tmp_path / "a.txt").write_bytes(content)
    told = csv_files.advice(content, FileFormat(**keys))
    new = yaml.safe_load("\n".join(told))
    assert len(read("a.txt", **(keys | new)).columns) == 2


def test_a_file_of_one_column_is_one(tmp_path, read):
    """Its header has no sign that could part names."""
    (tmp_path / "a.csv").write_text("name\nAda; Grace\n")
    assert read("a.csv")["name"].tolist() == ["Ada; Grace"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty. Next: write the names of the columns into its first line, rows below it."),
        (
            "a,b\n1,2\n3,4,5\n",
            "has 3 fields in line 3, and 2 columns. Next: remove what is too much, or write a text "
            "that holds ',' between two \".",
        ),
        (
            'a,b\n1,2\n3,"4\n5,6\n',
            'has a " in line 3 or below that is not closed. Next: close it, or double each " that '
            "is a part of a text.",
        ),
    ],
    ids=["empty", "ragged", "quote"],
)
def test_a_broken_file_is_told_by_its_line(tmp_path, read, text, said):
    """In words of a table, not in those of a parser."""
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(errors.DataRefused) as refused:
        read("a.csv")
    assert str(refused.value) == f"{tmp_path / 'a.csv'} {said}"


def test_lines_are_counted_across_the_parts_of_a_large_file(tmp_path):
    """Reading by parts, the line is that of the file."""
    rows = 60_000
    (tmp_path / "a.csv").write_text("a,b\n" + "1,2\n" * rows + "1,2,3\n")
    with pytest.raises(errors.DataRefused, match=f"3 fields in line {rows + 2}, and 2 columns"):
        for _ in chunks.read(str(tmp_path / "a.csv"), FileFormat()):
            pass
