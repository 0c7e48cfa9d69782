#!/usr/bin/env bash
# In Python's sqlite3, `execute("PRAGMA incremental_vacuum")` frees one page, not all of them.
#
# SQLite's documentation says that without a number the pragma frees the whole list of free pages. SQLite does
# that one page for each step of the statement, and gives no rows. `execute` steps once and sees that there are
# no columns; `fetchall` then has nothing to fetch. `executescript` steps to the end. So a file of
# a thousand free pages shrinks by 4 kB, without any error.
#
# Seen with CPython 3.11.7 (SQLite 3.40.1).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3.11 - <<'PYTHON'
import sqlite3
import sys

print("Python", sys.version.split()[0], "SQLite", sqlite3.sqlite_version)
connection = sqlite3.connect("file.db", isolation_level=None)
connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
connection.execute("CREATE TABLE t (x)")
connection.executemany("INSERT INTO t VALUES (?)", [("x" * 3000,)] * 1000)
connection.execute("DELETE FROM t")


def free():
    return connection.execute("PRAGMA freelist_count").fetchone()[0]


before = free()
rows = connection.execute("PRAGMA incremental_vacuum").fetchall()
one = free()
connection.executescript("PRAGMA incremental_vacuum")
print(f"free pages: {before}; after execute and fetchall {one}, rows {rows}; after executescript {free()}")
sys.exit(not (before > 900 and one == before - 1 and free() == 0))
PYTHON
