"""Freed memory goes back to the system, where the C library lets us ask for it."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from mlops_loop import allocators

MB = 2**20
# 60 large blocks, with a small one behind each of them, and then only the small ones.
PROGRAM = """
import sys
from mlops_loop import allocators
if sys.argv[1] == "returned":
    allocators.return_freed()
import numpy as np
def held():
    return int(open("/proc/self/statm").read().split()[1]) * 4096
np.ones(2**21)  # freed at once, which moves glibc's own threshold
before = held()
blocks = [(np.ones(2**18), bytearray(5000)) for _ in range(60)]
small = [behind for _, behind in blocks]
del blocks
print(held() - before)
"""
pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="the C library is not glibc"
)


def still_held(word: str, **environment: str) -> int:
    """Bytes that a program holds after it has freed 120 MB."""
    own = ("MALLOC_", "GLIBC_TUNABLES")
    env = {name: text for name, text in os.environ.items() if not name.startswith(own)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, word],
        env=env | environment, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return int(done.stdout)


def test_freed_blocks_are_returned():
    """Without the call, the same program holds nearly all of them."""
    assert still_held("returned") < 10 * MB
    assert still_held("as it is") > 60 * MB


@pytest.mark.parametrize(
    ("name", "text"),
    [("MALLOC_MMAP_THRESHOLD_", "{}"), ("GLIBC_TUNABLES", "glibc.malloc.mmap_threshold={}")],
)
def test_what_the_environment_sets_stays(name, text):
    """Whoever has measured something else knows better."""
    assert still_held("returned", **{name: text.format(32 * MB)}) > 60 * MB


def test_the_pool_of_arrow(monkeypatch):
    """The system's, unless the environment names another."""
    monkeypatch.delenv("ARROW_DEFAULT_MEMORY_POOL", raising=False)
    allocators.return_freed()
    assert os.environ["ARROW_DEFAULT_MEMORY_POOL"] == "system"
    monkeypatch.setenv("ARROW_DEFAULT_MEMORY_POOL", "mimalloc")
    allocators.return_freed()
    assert os.environ["ARROW_DEFAULT_MEMORY_POOL"] == "mimalloc"
