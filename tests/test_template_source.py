"""The unrendered template holds placeholders only where they are meant, and nothing that clashes.

cookiecutter renders with `<<` and `>>`; heredocs, bit shifts and YAML merge keys would be eaten,
three of their forms without an error. These guards read the raw files.
"""

import fnmatch
import json
import re
from pathlib import Path, PurePosixPath

import pytest
from conftest import ROOT, TEMPLATE, check, run

CONTEXT = json.loads((ROOT / "cookiecutter.json").read_text())
VERBATIM = CONTEXT["_copy_without_render"]
RAW_NAMES = {"<<cookiecutter.project_slug>>", "<<cookiecutter.__package_name>>"}

# A `<<` that starts neither an answer nor a block: a heredoc, a shift, a merge key.
CLASH = re.compile(r"<<(?!-?\s*cookiecutter\.|[%#])")
# What tools leave beside the files that they read.
CACHE = r"__pycache__|_cache/|\.hypothesis/"
PLACEHOLDER = re.compile(r"<<[%#-]?\s*|^\s*#%", re.MULTILINE)

# The only files that may hold a placeholder; all others are the same in every project.
RENDERED = (
    ".dvc/azure.config",
    ".dvc/gs.config",
    ".dvc/local.config",
    ".dvc/s3.config",
    ".dvc/ssh.config",
    ".github/*",
    "Dockerfile",
    "Makefile",
    "README.md",
    "compose.yaml",
    "deploy/*",
    "dvc.yaml",
    "licenses/*",
    "params.yaml",
    "pyproject.toml",
)


def is_verbatim(path: str) -> bool:
    """Tell whether cookiecutter copies path as it is."""
    return any(fnmatch.fnmatch(path, pattern) for pattern in VERBATIM)


def texts(verbatim: bool) -> dict[str, str]:
    """Return the text of every template file that is (or is not) copied as it is."""
    tracked = check(
        "git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", cwd=TEMPLATE
    )
    return {
        name: (TEMPLATE / name).read_text(encoding="utf-8")
        for name in tracked.split("\0")
        if name and (TEMPLATE / name).exists() and is_verbatim(name) == verbatim
    }


def clashes(text: str) -> list[str]:
    """Return the lines of text that cookiecutter would misread."""
    return [line for line in text.splitlines() if CLASH.search(line)]


def strays(names: dict[str, str]) -> list[str]:
    """Return the files that hold placeholders and are not on the list of those that may."""
    return [
        name
        for name, text in names.items()
        if PLACEHOLDER.search(text) and not any(fnmatch.fnmatch(name, p) for p in RENDERED)
    ]


def bad_names(names: list[str]) -> list[str]:
    """Return the paths that some file system or artifact store refuses."""
    plain = {name: "/".join(p for p in name.split("/") if p not in RAW_NAMES) for name in names}
    return [name for name, rest in plain.items() if re.search(r'["|?*:\\<>]', rest)]


def test_no_file_holds_a_clash():
    """No rendered file has a heredoc, a shift or a merge key."""
    found = {name: clashes(text) for name, text in texts(verbatim=False).items() if clashes(text)}
    assert found == {}


@pytest.mark.parametrize(
    "line",
    [
        "cat <<EOF",
        "cat <<'EOF' >> f",
        "1 << 2 >> 3",
        "<<: *defaults",
        "<< EOF",
        "<<_jinja>>",
        "cat <<-EOF",
    ],
)
def test_the_guard_finds_each_kind_of_clash(line):
    """A heredoc, a shift, a merge key and an unknown name are all found."""
    assert clashes(line) == [line]


@pytest.mark.parametrize("line", ["<<cookiecutter.task>>", "<<% raw %>>", "${{ x }}", ">> f"])
def test_the_guard_passes_what_is_meant(line):
    """A placeholder, a block and an expression of GitHub are no clash."""
    assert clashes(line) == []


def test_placeholders_stay_in_the_files_that_may_hold_them():
    """Only listed files differ between projects."""
    rendered = texts(verbatim=False)
    assert strays(rendered) == []
    held = [name for name, text in rendered.items() if PLACEHOLDER.search(text)]
    assert [pattern for pattern in RENDERED if not fnmatch.filter(held, pattern)] == []


def test_verbatim_files_hold_no_placeholder():
    """A placeholder in a file that is copied as it is would reach the user."""
    assert [name for name, text in texts(verbatim=True).items() if "<<cookiecutter" in text] == []


def test_the_list_of_rendered_files_would_catch_a_stray():
    """A placeholder in an unlisted file is found, also as a line statement."""
    assert strays({"hidden.ini": "a = <<cookiecutter.task>>"}) == ["hidden.ini"]
    assert strays({"hidden.ini": "#% if cookiecutter.task"}) == ["hidden.ini"]


def test_the_loop_and_all_python_are_copied_as_they_are():
    """So the template lints, types and tests them where they stand."""
    rendered = [PurePosixPath(name) for name in texts(verbatim=False)]
    assert [path for path in rendered if path.parts[0] == "loop" or path.suffix == ".py"] == []


def test_every_path_can_be_checked_out():
    """No path has a sign that macOS, an artifact store or a zip would refuse."""
    names = check("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", cwd=ROOT)
    assert bad_names(names.split("\0")) == []


@pytest.mark.parametrize("name", ["a:b", 'a"b', "a?b", "a\\b", "a<b>/c", "a*b", "a|b"])
def test_a_bad_path_is_found(name):
    """Each refused sign is noticed."""
    assert bad_names([name]) == [name]


def test_only_one_root_folder_looks_like_the_template():
    """cookiecutter takes the first root entry with its delimiters: there must be just one."""
    names = [p.name for p in ROOT.iterdir()]
    assert [n for n in names if "<" in n or ">" in n] == ["<<cookiecutter.project_slug>>"]
    assert [n for n in names if "{{" in n] == ["{{cookiecutter.cruft}}"]


def test_git_ignores_no_file_of_the_template():
    """The generated .gitignore acts here too, and must not hide a template file."""
    ignored = check("git", "status", "--ignored", "--porcelain", "--", ".", cwd=TEMPLATE)
    hidden = [line for line in ignored.splitlines() if line.startswith("!!")]
    assert [line for line in hidden if not re.search(CACHE, line)] == []


def test_verbatim_patterns_name_files():
    """A folder pattern would delete what a user has in that folder when generating again."""
    named = [p for p in VERBATIM if not PurePosixPath(p).name.startswith("*")]
    assert [p for p in named if not (TEMPLATE / p).is_file()] == []
    assert [p for p in VERBATIM if "[" in p] == []


def test_there_are_no_links_and_no_binaries():
    """cookiecutter follows no folder links, and copies what it takes for binary unrendered."""
    assert [p for p in TEMPLATE.rglob("*") if p.is_symlink()] == []
    assert texts(verbatim=False)


@pytest.mark.parametrize("hook", sorted((ROOT / "hooks").glob("*.py")), ids=lambda p: p.name)
def test_hooks_use_public_answers_only(hook: Path):
    """cruft gives a hook no _repo_dir, _output_dir or _checkout."""
    text = hook.read_text()
    assert re.findall(r"_repo_dir|_output_dir|_checkout|_template\b", text) == []
    assert clashes(text) == []


@pytest.mark.parametrize("hook", sorted((ROOT / "hooks").glob("*.py")), ids=lambda p: p.name)
def test_an_unrendered_hook_is_valid_python(hook: Path):
    """Editors, linters and tests read the hooks as they are."""
    compile(hook.read_text(), hook.name, "exec")


def test_workflows_are_valid_before_rendering():
    """The raw workflows of the template folder parse as YAML."""
    import yaml

    for path in (TEMPLATE / ".github").rglob("*.y*ml"):
        assert isinstance(yaml.safe_load(path.read_text()), dict), path


def test_the_lint_settings_leave_the_template_folder_alone():
    """A formatter would turn the line statement `#%` into a comment."""
    done = run("ruff", "check", "--show-files", ".", cwd=ROOT)
    assert done.returncode == 0 and "<<" not in done.stdout


def test_the_sample_is_one_table_for_every_task():
    """The files of the schema differ in what the model takes; clusters take a missing distance."""
    folder = TEMPLATE / "src" / "<<cookiecutter.__package_name>>"
    raw = [
        (folder / name).read_text(encoding="utf-8").partition("class ModelInput")[0].splitlines()
        for name in ("schema.py", "schema.clustering.py")
    ]
    pairs = list(zip(*raw, strict=True))
    assert len(pairs) > 40
    assert [one.split(":")[0].strip() for one, other in pairs if one != other] == ["distance"]
