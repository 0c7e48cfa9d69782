"""Fixtures: an isolated home, a clean copy of the template, projects baked once per option set."""

import fcntl
import os
import shutil
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import weekly
from xdist.scheduler import LoadScopeScheduling

from tools import bake

pytest_plugins = ["loop", "engine", "postgres"]
# A machine that forbids bytecode compiles all libraries at every start: most of a short program.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

ROOT = bake.ROOT
TEMPLATE = ROOT / "<<cookiecutter.project_slug>>"

# Options of uv: in an environment of a test's own, the same versions on any day.
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
AS_OF = ("--exclude-newer", PYPROJECT["tool"]["uv"]["exclude-newer"])

TASKS = ("classification", "regression", "clustering")
# Each task with the remotes that need no server, and every other answer once.
OPTION_SETS = [dict(answer.split("=") for answer in given) for given in bake.option_sets().values()]
DEFAULTS = OPTION_SETS[0]

GITCONFIG = """\
[user]
    name = A tester
    email = tester@users.noreply.github.com
[init]
    defaultBranch = main
"""


def option_id(options: dict[str, str]) -> str:
    """Return a readable test id such as classification-ghcr-MIT."""
    return "-".join(options.values())


def require_tool(name: str) -> str:
    """Return the path of a program; skip the test without it, but fail it in CI."""
    path = shutil.which(name)
    if path:
        return path
    message = f"{name} is not on PATH"
    if os.environ.get("CI") == "true":
        pytest.fail(f"{message}, and CI must have it")
    pytest.skip(message)


def run(*command: str | Path, cwd: Path, **options) -> subprocess.CompletedProcess[str]:
    """Run a command with its output captured as text; the caller looks at the exit code."""
    options.setdefault("timeout", 600)
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, **options)


def check(*command: str | Path, cwd: Path, **options) -> str:
    """Run a command that must succeed and return what it printed."""
    done = run(*command, cwd=cwd, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def environment_of(folder: Path, environment: Path | None = None) -> dict[str, str]:
    """Return variables under which the code of a project's folder runs.

    The programs are those in `.venv` of `environment`, another copy of the project, or of the
    folder itself.
    """
    programs = f"{(environment or folder) / '.venv' / 'bin'}:{os.environ['PATH']}"
    code = os.pathsep.join(str(folder / part) for part in ("src", "loop/src"))
    return os.environ | {"PATH": programs, "PYTHONPATH": code}


def give_environment(folder: Path, source: Path) -> None:
    """Give a project the environment of another one, as hard links.

    With the environment itself, uv would rewrite the programs of both to the folder of this one:
    once that is gone, no program of the other one starts. So each copy of a project in which make
    or uv is called needs this.
    """
    (folder / ".venv").unlink(missing_ok=True)
    real = (source / ".venv").resolve()
    shutil.copytree(real, folder / ".venv", symlinks=True, copy_function=os.link)


def files(folder: Path) -> list[str]:
    """Return every file under folder, git's own aside, as sorted relative paths."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in found if path.parts[0] != ".git")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the one command that renews the golden files."""
    parser.addoption(
        "--refresh", action="store_true", help="rewrite the golden files in tests/data"
    )
    parser.addoption(
        weekly.OPTION, action="store_true", help="run also what is run once a week, see weekly.py"
    )


class Scheduling(LoadScopeScheduling):
    """Tests one by one, to whichever worker is free; those of some files all to one worker.

    What these files share takes minutes to make, and each worker would make it. (The mark
    xdist_group of pytest-xdist 3.8 has no effect under pytest 9.2.)
    """

    FILES = (
        "test_dashboard test_experiments test_extensions test_host test_onnx test_own_data "
        "test_own_table test_page test_plots test_sources test_torch"
    ).split()

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::")[0]
        return file if Path(file).stem in self.FILES else nodeid


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return one more than there are cores: one of them waits for a container or a registry."""
    return (os.cpu_count() or 1) + 1


def pytest_xdist_make_scheduler(config: pytest.Config, log) -> Scheduling:
    """Replace the scheduler of xdist."""
    return Scheduling(config, log)


# What makes the scenes of the rig, and the demo of each task, while others do what needs neither.
FIRST = (
    "test_rollback.py::test_the_previous_image_is_put_back",
    "test_page.py::",
    "test_loop.py::test_one_turn[regression]",
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the tests that make what others would wait for; some run once a week."""
    weekly.choose(config, items)
    for name in reversed(FIRST):
        first = next((item for item in items if name in item.nodeid), None)
        if first:
            items.remove(first)
            items.insert(0, first)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """After a whole run of the rig, hold the table of executed jobs to what was executed."""
    config = session.config
    chosen = config.option.keyword or any(
        "::" in each or each.endswith(".py") for each in config.args
    )
    if hasattr(config, "workerinput") or chosen or exitstatus:
        return
    if not config.getoption(weekly.OPTION):
        return  # not all of them have run
    from workflows import executed

    record = config._tmp_path_factory.getbasetemp() / executed.RECORD
    if wrong := executed.finish(record, config.getoption("--refresh")):
        print(f"\nThe table of executed jobs: {wrong}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED if os.environ.get("CI") else 0


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that all workers of this run have in common."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base


@pytest.fixture(scope="module")
def module_path(request, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give a folder for the tests of a module; like tmp_path it stays only where one failed."""
    folder, before = tmp_path_factory.mktemp(request.module.__name__), request.session.testsfailed
    yield folder
    if request.session.testsfailed == before:
        shutil.rmtree(folder, ignore_errors=True)  # a program may still be writing its log


@contextmanager
def locked(path: Path):
    """Hold the lock file path, so that one worker makes what all of them read."""
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session", autouse=True)
def isolated_home(shared: Path):
    """Give git, cookiecutter and DVC an own home with an identity; tools keep their caches."""
    home = shared / "home"
    home.mkdir(exist_ok=True)
    (home / ".gitconfig").write_text(GITCONFIG)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UV_CACHE_DIR", uv_cache())
        # uv would warn about it in every project that it visits.
        patch.delenv("VIRTUAL_ENV", raising=False)
        for name in [name for name in os.environ if name.startswith(("GIT_", "COOKIECUTTER_"))]:
            if name != "GIT_SSL_CAINFO":
                patch.delenv(name)
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        patch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
        patch.setenv("HOME", str(home))
        yield home


def uv_cache() -> str:
    """Return where uv keeps its downloads, so that a new home does not cost a new download."""
    uv = shutil.which("uv")
    return check(uv, "cache", "dir", cwd=ROOT).strip() if uv else os.devnull


@pytest.fixture(scope="session")
def template(shared: Path) -> Path:
    """Return a copy of the template without what tools left in the working tree."""
    target = shared / "cookiecutter-mlops-actions"
    with locked(shared / "template.lock"):
        return target if target.exists() else bake.export(target)


def generate(template: Path, output: Path, **answers: str) -> subprocess.CompletedProcess[str]:
    """Run cookiecutter's own command on the template, as a person would, without questions."""
    pairs = [f"{question}={answer}" for question, answer in answers.items()]
    return run(*bake.command(template, output, pairs), cwd=template.parent)


@pytest.fixture(scope="session")
def baked(template: Path, shared: Path) -> Callable[[dict[str, str]], Path]:
    """Return a function that gives the project of an option set, generated once per run.

    Tests only read these projects; a test that changes one takes the fixture `project`.
    """

    def project(options: dict[str, str]) -> Path:
        output = shared / "baked" / option_id(options)
        with locked(shared / f"{option_id(options)}.lock"):
            if not output.exists():
                done = generate(template, output, **options)
                assert done.returncode == 0, done.stdout + done.stderr
        return output / "flight-delays"

    return project


@pytest.fixture
def project(baked: Callable[[dict[str, str]], Path], tmp_path: Path) -> Path:
    """Return an own copy of the project with default answers, to be changed at will."""
    return Path(shutil.copytree(baked(DEFAULTS), tmp_path / "flight-delays"))
