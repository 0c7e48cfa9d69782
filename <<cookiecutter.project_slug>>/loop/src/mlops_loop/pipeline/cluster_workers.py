"""What a worker of a cluster needs in common with the process that searches: versions and code.

`facts` is asked there, all else runs on workers. A worker may join at any time, so each task asks.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import scipy
import sklearn
from threadpoolctl import threadpool_info, threadpool_limits

from mlops_loop import project
from mlops_loop.errors import UsageError

LOOP = Path(__file__).parents[1]
LOADED_AT = time.time()  # by the worker's first search; before, it has no code of the project
ALWAYS = tuple(library.__name__ for library in (np, scipy, sklearn, joblib))


@dataclass(frozen=True)
class Facts:
    """What scores depend on beside data and candidates.

    `versions`: of Python, libraries and code (a hash), by name. `threads`: of BLAS, whose sums of
    many rows differ in their last bits with another number. `kernels`: the processor that OpenBLAS
    computes for, whose bits differ as well.
    """

    package: str
    versions: tuple[tuple[str, str], ...]
    threads: int
    kernels: str


def facts(parts: Sequence[Any], package: str) -> Facts:
    """Those of this process; parts: of the pipeline, whose libraries count."""
    own = {type(part).__module__.split(".")[0] for part in parts}
    names = (*ALWAYS, "distributed", *sorted(own - {*ALWAYS, package, LOOP.name}))
    return Facts(package, tuple(_versions(names, package).items()), _threads(), kernels())


def refusal(worker: str, reason: str) -> UsageError:
    """The error for a worker at this address."""
    return UsageError(
        f"The worker {worker} would not compute as this machine does: {reason}. Next: on its "
        "machine, check out this commit, run uv sync --frozen, and start the worker again"
    )


def prepare(wanted: Facts) -> None:
    """Let this worker compute as the process that searches; raises UsageError if it differs."""
    from distributed import get_worker

    if reason := differences(wanted):
        raise refusal(get_worker().address, reason)
    threadpool_limits(wanted.threads, user_api="blas")  # for good: tasks share the process


@cache
def differences(wanted: Facts) -> str:
    """What this worker has in another version, for a sentence; empty without any."""
    os.environ[project.VARIABLE] = wanted.package  # a worker's folder may have no pyproject.toml
    names = [name for name, _ in wanted.versions if name not in ("python", *_code(wanted.package))]
    own = _versions(names, wanted.package)
    listed = [
        f"{name} {own[name]} (here {version})"
        for name, version in wanted.versions
        if own[name] != version
    ]
    if not listed and _changed(wanted.package) > LOADED_AT:
        return "its files changed after it loaded them"
    return f"it has {', '.join(listed)}" if listed else ""


def kernels() -> str:
    """The processor that OpenBLAS computes for, as 'Haswell'; empty for another BLAS."""
    return "/".join(sorted({pool.get("architecture", "") for pool in _blas()}))


def _threads() -> int:
    return max((pool["num_threads"] for pool in _blas()), default=1)


def _blas() -> list[dict[str, Any]]:
    return [pool for pool in threadpool_info() if pool["user_api"] == "blas"]


def _versions(names: Sequence[str], package: str) -> dict[str, str]:
    python = ".".join(map(str, sys.version_info[:2]))
    return {"python": python} | {name: _version(name) for name in names} | _code(package)


def _version(name: str) -> str:
    """Of the library in memory; of the installed one where it is not loaded."""
    if version := getattr(sys.modules.get(name), "__version__", ""):
        return str(version)
    distributions = metadata.packages_distributions().get(name)
    return metadata.version(distributions[0]) if distributions else "missing"


def _code(package: str) -> dict[str, str]:
    """By package a hash of all its modules."""
    return {
        f"code of {name}": _hash(files) if files else "missing"
        for name, files in _files(package).items()
    }


def _files(package: str) -> dict[str, list[Path]]:
    """All modules of the loop, and of the user's package where there is one."""
    folders = {LOOP.name: LOOP} | ({package: project.package_folder()} if package else {})
    return {name: sorted(path.rglob("*.py")) if path else [] for name, path in folders.items()}


def _hash(files: Sequence[Path]) -> str:
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()[:12]


def _changed(package: str) -> float:
    """When a module was last written, in seconds since 1970."""
    return max(path.stat().st_mtime for files in _files(package).values() for path in files)
