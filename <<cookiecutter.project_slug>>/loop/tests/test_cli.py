"""The command line as a user meets it: help with examples, errors in a sentence, exit codes."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from mlops_loop import cli, errors


def commands(group: click.Group, path: tuple[str, ...] = ()) -> dict[str, tuple[str, ...]]:
    """All verbs, those of groups too, by the way that they are written."""
    found = {}
    for name in group.list_commands(click.Context(group)):
        command, verb = group.get_command(click.Context(group), name), (*path, name)
        found |= commands(command, verb) if isinstance(command, click.Group) else {}
        found[" ".join(verb)] = verb
    return found


VERBS = commands(cli.cli)


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


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
def test_every_verb_explains_itself_with_an_example(call, verb):
    """On stdout, and with exit code 0."""
    code, out, err = call(*verb, "--help")
    assert (code, err) == (0, "")
    assert "Example" in out
    assert len(out.splitlines()) > 4


def test_the_help_lists_every_verb(call):
    """In the order of a model's life, each with a sentence."""
    _, out, _ = call("--help")
    lines = [
        line.split(maxsplit=1) for line in out.split("Commands:")[1].splitlines() if line.strip()
    ]
    rest = [
        "profile",
        "gate",
        "report",
        "comment",
        "reviewed",
        "registry",
        "store",
        "smoke",
        "image",
        "try",
        "deploy",
        "rollback",
        "incident",
        "retrain",
        "monitor",
        "doctor",
        "harden",
        "log",
        "serve",
    ]
    assert [line[0] for line in lines] == ["watch", *cli.STAGES, *rest]
    assert all(len(line) == 2 for line in lines)


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
def test_a_wrong_call_leaves_with_64(call, args):
    """With the usage on stderr and nothing on stdout."""
    code, out, err = call(*args)
    assert (code, out) == (64, "")
    assert "Usage:" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("cls", errors.ProjectError.__subclasses__(), ids=lambda cls: cls.__name__)
def test_an_error_is_its_sentence_and_its_code(call, monkeypatch, cls):
    """On stderr, without a traceback."""

    def fail(name: str):
        raise cls("What happened. Next: make pipeline")

    monkeypatch.setattr(cli, "_import", fail)
    assert call("train") == (
        cls.exit_code,
        "",
        f"{cls.__name__}: What happened. Next: make pipeline\n",
    )


def test_a_bug_is_traced_and_told_to_be_one(call, monkeypatch):
    """What is no error of the user must not look like one."""

    def fail(name: str):
        raise ZeroDivisionError

    monkeypatch.setattr(cli, "_import", fail)
    code, _, err = call("train")
    assert code == 70
    assert "Traceback" in err
    assert "bug" in err.splitlines()[-1]


def test_ctrl_c_is_no_error(call, monkeypatch):
    """It leaves as the shell expects it, with one sentence."""

    def interrupt(name: str):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_import", interrupt)
    code, _, err = call("train")
    assert code == 130
    assert err.strip() == "Interrupted. The same command starts again; finished work is kept."


@pytest.mark.parametrize("verb", cli.STAGES)
def test_a_stage_in_another_folder_says_where_to_be(call, monkeypatch, tmp_path, verb):
    """Without parameters there is nothing to do."""
    monkeypatch.chdir(tmp_path)
    code, _, err = call(verb)
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
    """Help works, and a verb that needs more says what is not installed."""
    script = MISSING.format(package=cli.__package__, args=args)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert code == 0 or "which is not installed here" in done.stderr
