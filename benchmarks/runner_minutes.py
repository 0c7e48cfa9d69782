"""Measure how long pull requests keep a runner busy, and write docs/runner-minutes.md.

    python benchmarks/runner_minutes.py

Needs what the rig needs: act, Docker, docker-registry, npm. Takes about ten minutes.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "runner-minutes.md"

if __name__ == "__main__":
    PAGE.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-n", "0", "-q", "tests/workflows/runner_minutes.py"]
    environment = os.environ | {"RUNNER_MINUTES": str(PAGE)}
    sys.exit(subprocess.run(command, cwd=ROOT, env=environment).returncode)
