"""Tests of the process that the stages of one `loop repro` share, by real forks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlops_loop import cli, fork_client, fork_server

pytestmark = pytest.mark.skipif(not fork_server.WORKS_HERE, reason="only Linux forks")
# A stage: it says what it was given, and ends as its second argument tells.
SERVER = """
import os, signal, sys, time
from pathlib import Path
from mlops_loop import fork_client, fork_server

def main():
    print(sys.argv[1:], Path.cwd().name, os.environ["OWN"], os.environ.get(fork_client.ADDRESS))
    print(os.getppid() == server, file=sys.stderr)
    if sys.argv[2] == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    Path("pid").write_text(str(os.getpid()))
    try:
        time.sleep(60 * (sys.argv[2] == "waits"))
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(int(sys.argv[2]) if sys.argv[2].isdigit() else None)

server = os.getpid()
fork_server.importlib.import_module = lambda name: print("loads", name, flush=True)
sys.exit(fork_server.run(sys.argv[1:], main))
"""
STAGE = """
import sys
from mlops_loop import fork_client
sys.exit(fork_client.ask(sys.argv[1]))
"""


@pytest.fixture
def repro(tmp_path: Path):
    """Run a shell's line under a server; `loop` in it is a command of the loop."""
    (tmp_path / "server.py").write_text(SERVER)
    (tmp_path / "stage.py").write_text(STAGE)
    (tmp_path / "folder").mkdir()
    line = f'cd {tmp_path / "folder"}; loop() {{ {sys.executable} ../stage.py "$@"; }}; '

    def start(script: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, tmp_path / "server.py", "bash", "-c", line + script],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env=os.environ | {"OWN": "of the server"},
        )

    return start


def test_a_stage_is_a_fork_with_what_the_command_has(repro):
    """Arguments, folder, environment, and both outputs."""
    process = repro("OWN='of the stage' loop validate 0 > out; cat out")
    out, err = process.communicate(timeout=60)
    said = ["['validate', '0'] folder of the stage None"]
    assert out.splitlines() == ["loads mlops_loop.pipeline.validate", *said]
    assert (err, process.returncode) == ("True\n", 0)


@pytest.mark.parametrize(("how", "code"), [("0", 0), ("3", 3), ("ends", 0), ("dies", 137)])
def test_the_code_of_a_stage_is_that_of_its_command(repro, how, code):
    """A signal is said as a shell says it."""
    process = repro(f"loop train {how}; echo code $?")
    assert f"code {code}" in process.communicate(timeout=60)[0]


def test_what_a_stage_always_needs_is_loaded_before_the_fork(repro):
    """And so for the stages that come after it."""
    out, _ = repro("loop train 0; loop train 0").communicate(timeout=60)
    loaded = [line.split()[1] for line in out.splitlines() if line.startswith("loads")]
    assert loaded == ["mlops_loop.pipeline.train", *fork_server.IMPORTS["train"]] * 2


def test_the_code_of_the_program_is_the_code_of_all(repro):
    """As DVC's own."""
    process = repro("loop train 4 || exit 9")
    process.communicate(timeout=60)
    assert process.returncode == 9


@pytest.mark.parametrize("ends", ["interrupt", "kill"])
def test_a_stage_ends_with_its_command(repro, tmp_path, ends):
    """Interrupted, or when whoever waits for it was killed."""
    stage = f"{sys.executable} ../stage.py train waits"
    process = repro(f"{stage} & echo $! > command; wait $!; echo code $?; wait")
    pid = tmp_path / "folder" / "pid"
    for _ in range(600):
        if pid.exists() and pid.read_text():
            break
        time.sleep(0.05)
    stage = int(pid.read_text())
    if ends == "interrupt":
        os.kill(stage, signal.SIGINT)
    else:
        os.kill(int((tmp_path / "folder" / "command").read_text()), signal.SIGKILL)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert f"code {130 if ends == 'interrupt' else 137}" in out
    with pytest.raises(ProcessLookupError):
        os.kill(stage, 0)


def test_ctrl_c_is_told_by_the_stage(repro, tmp_path):
    """All of them get it: neither the server nor the command ends before the stage has spoken."""
    process = repro("trap : INT; loop train waits; echo code $?")
    pid = tmp_path / "folder" / "pid"
    for _ in range(600):
        if pid.exists() and pid.read_text():
            break
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert "code 130" in out
    assert process.returncode == 0
    assert err == "True\n"  # and no traceback


def test_where_no_server_works_the_stages_run_themselves(monkeypatch):
    """The program runs, and sees no address."""
    monkeypatch.setattr(fork_server, "WORKS_HERE", False)
    show = f"import os, sys; sys.exit({fork_client.ADDRESS!r} in os.environ)"
    assert fork_server.run([sys.executable, "-c", show], lambda: None) == 0


def test_every_stage_is_known():
    """Those of dvc.yaml, and what they load is there."""
    stages = set(cli.MODULES["pipeline"]) - {"fingerprint", "profile"}
    assert stages == fork_client.STAGES
    assert set(fork_server.IMPORTS) < stages
