"""After training: every notebook directly in `notebooks/` runs, from its first cell to its last."""

import subprocess
import sys
from pathlib import Path

import pytest

from mlops_loop import paths


@pytest.mark.skipif(not paths.BUNDLE.exists(), reason="no models/bundle: run make pipeline first")
@pytest.mark.parametrize("path", sorted(Path("notebooks").glob("*.ipynb")), ids=str)
def test_a_notebook_runs(path):
    """In its own folder; the file stays as it is."""
    program = Path(sys.executable).with_name("jupyter-execute")
    subprocess.run([program, "--timeout=600", path], check=True)
