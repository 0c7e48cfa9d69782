"""What a start of a command loads: libraries that take long, where it needs them and nowhere else.

People and workflows start `loop` all day, and tests do it thousands of times.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

HEAVY = """
    asyncio cryptography dulwich dvc fastapi fsspec githubkit gto httpx jinja2 joblib matplotlib
    mermaidx multiprocessing nh3 numpy onnx onnxruntime pandas pandera pyarrow pydantic
    pydantic_settings pygments requests rich ruamel scipy skl2onnx sklearn skops skrub sqlalchemy
    tqdm urllib3 yaml
"""
TABLES = "asyncio fsspec multiprocessing numpy pandas pyarrow pydantic ruamel"
LOOP = "import sys; from mlops_loop import cli; sys.argv = ['loop', *'{}'.split()]; cli.main()"
# By command its modules, and by module (of what a command imports where it is called) what each of
# them may load.
COMMANDS = {
    "--help": "",
    "registry --help": "",
    "report --help": "",
    "comment --help": "",
    "publish --help": "multiprocessing numpy ruamel",
    "train --help": "numpy pydantic ruamel",
    "gate --help": "multiprocessing numpy pandas pyarrow pydantic ruamel",
    "deploy --help": "numpy pydantic ruamel tqdm urllib3",
}
MODULES = {
    "report.report": "jinja2 numpy pydantic ruamel",
    "registry.ledger": "",
    "registry.champion": "numpy",
    "deployment.pointer": "pydantic tqdm urllib3",
    "gate.policy_check": "numpy pydantic ruamel",
    "pipeline.ingest": f"{TABLES} tqdm",
    "pipeline.validate": f"{TABLES} pandera",
}


def loaded(code: str) -> set[str]:
    """The libraries of HEAVY that a process of its own has loaded at its end."""
    at_end = "import atexit, sys; atexit.register(lambda: print('\\n', *sys.modules));"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    call = [sys.executable, "-c", f"{at_end} {code}"]
    done = subprocess.run(call, capture_output=True, text=True, env=env, check=True)
    return set(HEAVY.split()) & set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(("command", "allowed"), COMMANDS.items(), ids=list(COMMANDS))
def test_a_start_loads_what_its_command_needs(command, allowed):
    """The command line with the modules of one command."""
    assert loaded(LOOP.format(command)) <= set(allowed.split())


@pytest.mark.parametrize(("module", "allowed"), MODULES.items(), ids=list(MODULES))
def test_a_module_loads_what_it_needs(module, allowed):
    """And whatever it imports in turn."""
    assert loaded(f"import mlops_loop.{module}") <= set(allowed.split())


def test_an_interval_needs_no_solver():
    """Bounds of an area are found without scipy.optimize, which takes a second to load."""
    code = (
        "import sys; import numpy as np; from mlops_loop.statistics import share_scales as s; "
        "from mlops_loop.statistics.scales import Evidence; n = np.array([300, 700]); "
        "draws = np.random.default_rng(0).normal(0.7, 0.02, (200, 1)); "
        "s.Ranks().bounds(Evidence(np.array([0.7]), draws, n, n, 0.025)); "
        "assert 'scipy.special' in sys.modules and 'scipy.optimize' not in sys.modules"
    )
    assert "scipy" in loaded(code)
