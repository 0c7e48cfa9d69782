"""The tutorial is followed, line by line; what it shows is what is printed."""

import shutil
from pathlib import Path

from conftest import DEFAULTS, ROOT, environment_of, give_environment, run
from documents import blocks, says

PAGE = ROOT / "docs/first-ten-minutes.md"
# What other tests run: `make demo` in loop.py, cookiecutter with the address in test_readme.py.
ELSEWHERE = ("git clone", "make demo", "pipx run", "cd ")


def test_the_tutorial(baked, loop, tmp_path):
    """From a new project to a model in production, a prediction, and a worse model refused."""
    project = Path(shutil.copytree(baked(DEFAULTS), tmp_path / "flight-delays", symlinks=True))
    give_environment(project, loop("classification").project)
    environment, printed, checked = environment_of(project), "", 0
    for block in blocks(PAGE):
        if block.kind == "text":
            assert says(block.text.strip(), printed), (block.text, printed)
            checked += 1
            continue
        lines = [line for line in block.text.splitlines() if not line.startswith(ELSEWHERE)]
        done = run("bash", "-e", "-c", "\n".join(lines), cwd=project, env=environment)
        assert done.returncode == 0, block.text + done.stdout + done.stderr
        printed = done.stdout + done.stderr if lines else printed
    assert checked == 4
