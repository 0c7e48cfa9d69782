"""The command line as a user meets it: help with examples, errors in a sentence, exit codes."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from mlops_loop import cli, errors


def commands(group: click.Group, path: tuple[str, ...] = ()) -> dict[str, tuple[str, ...]]:
    """All commands, those of groups too, as they are typed."""
    found = {}
    for name in group.list_commands(click.Context(group)):
        command, words = group.get_command(click.Context(group), name), (*path, name)
        found |= commands(command, words) if isinstance(command, click.Group) else {}
        found[" ".join(words)] = words
    return found


COMMANDS = commands(cli.cli)
STAGES = ("ingest", "validate", "prepare", "train", "export", "evaluate")


@pytest.fixture
def call(monkeypatch, capsys):
    """`call("train", "--help")` gives exit code, stdout and stderr of the command line."""

    def run(*args: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", [cli.__package__, *args])
        code = 0
        try:
            cli.main()
        except SystemExit as leaving:
            code = leaving.code or 0
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def subfolder(project, monkeypatch):
    """A project in a folder of a larger repository, which is the current one."""
    folder = project.root / "models" / "churn"
    folder.mkdir(parents=True)
    (folder / "dvc.yaml").touch()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def break_training(monkeypatch):
    """`break_training(error)` makes `loop train` raise it."""

    def set_error(error: BaseException) -> None:
        def fail() -> None:
            raise error

        monkeypatch.setattr("mlops_loop.params.load", fail)

    return set_error


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_every_command_explains_itself_with_an_example(call, words):
    """On stdout, and with exit code 0."""
    code, out, err = call(*words, "--help")
    assert (code, err) == (0, "")
    assert "Example" in out
    assert len(out.splitlines()) > 4


def test_the_help_lists_every_command(call, monkeypatch):
    """In the order of a model's life, each with its sentence."""
    monkeypatch.setenv("COLUMNS", "100")
    _, out, _ = call("--help")
    lines = [line.split(maxsplit=1) for line in out.split("Commands:")[1].splitlines() if line]
    assert [line[0] for line in lines] == list(cli.HELP)
    assert [line[1] for line in lines] == list(cli.HELP.values())


def test_the_stages_follow_the_fingerprint_in_their_order():
    """As data flows."""
    assert list(cli.HELP)[: len(STAGES) + 2] == ["repro", "fingerprint", *STAGES]


@pytest.mark.parametrize(
    "args",
    [
        ("nonsense",),
        ("train", "more"),
        ("gate", "--nonsense"),
        ("smoke",),
        ("serve", "--port", "x"),
    ],
    ids=" ".join,
)
def test_a_wrong_call_exits_with_64(call, args):
    """With the usage on stderr and nothing on stdout."""
    code, out, err = call(*args)
    assert (code, out) == (64, "")
    assert "Usage:" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("cls", errors.ProjectError.__subclasses__(), ids=lambda cls: cls.__name__)
def test_an_error_is_its_sentence_and_its_code(call, break_training, cls):
    """On stderr, without a traceback."""
    break_training(cls("What happened. Next: make pipeline"))
    assert call("train") == (
        cls.exit_code,
        "",
        f"{cls.__name__}: What happened. Next: make pipeline\n",
    )


def test_a_bug_has_a_traceback_and_is_called_a_bug(call, break_training):
    """What is no error of the user must not look like one."""
    break_training(ZeroDivisionError())
    code, _, err = call("train")
    assert code == 70
    assert "Traceback" in err
    assert "bug" in err.splitlines()[-1]


@pytest.mark.parametrize("reason", ["Unable to allocate 74.5 GiB", ""])
def test_memory_that_runs_out_is_no_bug(call, break_training, reason):
    """It says so, and how to go on."""
    break_training(MemoryError(reason))
    code, out, err = call("train")
    assert (code, out) == (64, "")
    assert err.startswith("UsageError: This machine ran out of memory. Next: ")
    assert "dvc repro" in err
    assert f"({reason})" in err or not reason
    assert "Traceback" not in err


def test_ctrl_c_is_no_error(call, break_training):
    """It exits as the shell expects, with one sentence."""
    break_training(KeyboardInterrupt())
    code, _, err = call("train")
    assert code == 130
    kept = "Finished candidates of the search are kept."
    assert err.strip() == f"Interrupted. {kept} Next: run the same command again"


@pytest.mark.parametrize(
    ("name", "left"), [("predict", " No file was written."), ("export", ""), ("deploy", "")]
)
def test_what_an_interrupted_command_leaves(call, monkeypatch, name, left):
    """Nothing is promised that is not so."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.LazyGroup, "resolve_command", interrupt)
    code, _, err = call(name)
    assert code == 130
    assert err.strip() == f"Interrupted.{left} Next: run the same command again"


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_in_another_folder_says_where_to_be(call, monkeypatch, tmp_path, stage):
    """Without parameters there is nothing to do."""
    monkeypatch.chdir(tmp_path)
    code, _, err = call(stage)
    assert code == 64
    assert "params.yaml is missing. Run this in the project's root folder." in err


def test_smoke_without_a_bundle(call, monkeypatch, tmp_path):
    """Nothing to compare with."""
    monkeypatch.chdir(tmp_path)
    code, _, err = call("smoke", "http://127.0.0.1:9")
    assert code == errors.NoValidBundle.exit_code
    assert "make pipeline" in err


LOADED = """
import sys
from {package} import cli
sys.argv = ["{package}", *{args!r}]
try:
    cli.main()
except SystemExit:
    pass
print(sorted({{"pandas", "sklearn", "dvc", "gto", "matplotlib"}} & set(sys.modules)))
"""


@pytest.mark.parametrize("args", [["serve", "--help"], ["--help"]], ids=" ".join)
def test_help_loads_nothing_that_the_container_lacks(args):
    """The container has neither pandas nor scikit-learn, and starts in a moment."""
    code = LOADED.format(package=cli.__package__, args=args)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


# What takes a good part of a second, for commands of which a workflow's job runs several.
SLOW = {"dvc", "githubkit", "onnxruntime", "pandas", "pyarrow", "scipy", "sklearn", "sqlalchemy"}
NEEDED = {
    "pipeline": "",
    "publish": "",
    "registry": "",
    "store": "dvc",
    "deployment": "",
    "monitoring": "githubkit",
    "repository": "githubkit",
}


@pytest.mark.parametrize("module", NEEDED)
def test_a_command_starts_with_the_libraries_that_it_needs(module):
    """Rows and their libraries are loaded where rows are read."""
    code = f"import sys, mlops_loop.commands.{module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert SLOW & set(done.stdout.split()) == set(NEEDED[module].split())


def test_a_source_of_files_needs_no_database():
    """Its readers are those of `ingest` and `fingerprint`."""
    code = "import sys, mlops_loop.sources.table; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "sqlalchemy" not in done.stdout.split()


MISSING = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {{"pandas", "sklearn", "pandera", "dvc", "gto", "yaml", "tqdm"}}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
from {package} import cli
sys.argv = ["{package}", *{args!r}]
cli.main()
"""


@pytest.mark.parametrize(
    ("args", "code"), [(["--help"], 0), (["serve", "--help"], 0), (["train"], 64)], ids=str
)
def test_a_container_without_training_libraries(args, code):
    """Help works, and a command that needs more says what is not installed."""
    script = MISSING.format(package=cli.__package__, args=args)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert code == 0 or "which is not installed here" in done.stderr


OF_REPOSITORY = sorted({*cli.HELP} - cli.ANYWHERE)


def test_commands_that_work_anywhere():
    """All others read or change tags, commits, or what GitHub has; a new one has to be sorted."""
    assert OF_REPOSITORY == [
        "anchors",
        "check-review",
        "clean-images",
        "cloud",
        "comment",
        "deploy",
        "doctor",
        "feedback",
        "gate",
        "harden",
        "image-tag",
        "incident",
        "monitor",
        "publish",
        "registry",
        "report",
        "retrain",
        "rollback",
        "store",
        "verify-attestation",
    ]


@pytest.mark.parametrize("name", OF_REPOSITORY)
@pytest.mark.usefixtures("subfolder")
def test_a_command_that_needs_the_root_of_the_repository_says_so(call, name):
    """Before it reads or writes anything; its help is shown."""
    code, _, err = call(name)
    assert code == errors.UsageError.exit_code
    assert "This project is the folder models/churn/ of a larger repository" in err
    assert "Next: move the folder out of that repository" in err
    assert call(name, "--help")[0] == 0


@pytest.mark.usefixtures("subfolder")
def test_other_commands_work_in_a_subfolder(call):
    """The stages of training, and what asks a running endpoint."""
    assert "params.yaml is missing" in call("ingest")[2]
    assert "No model bundle" in call("smoke", "http://127.0.0.1:9")[2]


def test_a_folder_of_a_project_is_no_project(call, subfolder, monkeypatch):
    """The advice is another one there."""
    (subfolder / "src").mkdir()
    monkeypatch.chdir(subfolder / "src")
    assert "dvc.yaml is missing. Run this in the project's root" in call("registry", "show")[2]


def test_where_there_is_no_repository_a_command_goes_on(call, tmp_path, monkeypatch):
    """What it lacks, it says itself."""
    monkeypatch.chdir(tmp_path)
    assert "gate.yaml is missing" in call("gate")[2]
