"""Every option set gives the expected files, clean, locked and free of template syntax.

`python -m pytest tests/test_bake.py --refresh` rewrites the golden list of files.
"""

import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from conftest import (
    DEFAULTS,
    OPTION_SETS,
    ROOT,
    TEMPLATE,
    check,
    files,
    generate,
    option_id,
    require_tool,
)
from test_template_source import is_verbatim

GOLDEN = ROOT / "tests" / "data" / "files.txt"
PACKAGE = "<<cookiecutter.__package_name>>"
every_option_set = pytest.mark.parametrize("options", OPTION_SETS, ids=option_id)

LICENSE_STARTS = {
    "MIT": "MIT License",
    "Apache-2.0": "                                 Apache License",
    "BSD-3-Clause": "BSD 3-Clause License",
    "Proprietary": "Copyright (c) Flight Delays authors. All rights reserved.",
}


def relative_to_package(path: str) -> str:
    """Return the path as it stands in the template, where the package has no name yet."""
    return path.replace("src/flight_delays/", "src/<<cookiecutter.__package_name>>/")


def deployed(options) -> set[str]:
    """Return the template's files of the one folder of deploy/ that an answer keeps."""
    folder = f"deploy/{options['deploy_target']}"
    return {f"{folder}/{name}" for name in files(TEMPLATE / folder)}


MONITORING = {f"deploy/monitoring/{name}" for name in files(TEMPLATE / "deploy/monitoring")}


@every_option_set
def test_the_files_are_exactly_the_expected_ones(options, baked, request):
    """The same names whatever is chosen: options choose contents, by one table.

    But for a file that one task alone has, and the folder of where the endpoint runs.
    """
    own = {"clustering": {"data/anchors.json"}}.get(options["task"], set())
    own |= deployed(options)
    names = files(baked(options))
    assert own <= set(names)
    assert {n for n in names if n.startswith("deploy/") and n.count("/") > 1} - own == MONITORING
    found = "\n".join(name for name in names if name not in own) + "\n"
    if request.config.getoption("--refresh"):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(found)
    expected = GOLDEN.read_text() if GOLDEN.exists() else ""
    assert found == expected, "renew with: python -m pytest tests/test_bake.py --refresh"


@every_option_set
def test_no_template_syntax_is_left(options, baked):
    """No placeholder, no line statement, no word of cookiecutter reaches the user."""
    project = baked(options)
    for name in files(project):
        if not is_verbatim(relative_to_package(name)) and name != "uv.lock":
            text = (project / name).read_text(encoding="utf-8")
            assert [s for s in ("<<", "#%", "cookiecutter.") if s in text] == [], name


@every_option_set
def test_the_formatter_and_the_linter_change_nothing(options, baked):
    """The project's own rules hold for what is generated."""
    project = baked(options)
    check("ruff", "check", "--no-cache", "--no-fix", ".", cwd=project)
    check("ruff", "format", "--no-cache", "--check", ".", cwd=project)


@every_option_set
def test_the_lock_is_current(options, baked):
    """The lock that the hook made is the one that uv would make."""
    require_tool("uv")
    check("uv", "lock", "--check", cwd=baked(options))


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Los_Angeles"])
def test_the_lock_is_current_in_every_time_zone(zone, baked, monkeypatch):
    """The day up to which releases count begins at one moment for everybody."""
    require_tool("uv")
    monkeypatch.setenv("TZ", zone)
    check("uv", "lock", "--check", cwd=baked(DEFAULTS))


@every_option_set
def test_the_first_commit_holds_everything(options, baked):
    """Nothing is left uncommitted, nothing is ignored."""
    status = check("git", "status", "--porcelain", "--ignored", cwd=baked(options))
    assert [line for line in status.splitlines() if "__pycache__" not in line] == []


@every_option_set
def test_configuration_files_parse(options, baked):
    """Every YAML, TOML and JSON file is valid."""
    project = baked(options)
    for name in files(project):
        path = project / name
        if path.suffix in {".yaml", ".yml"}:
            list(yaml.safe_load_all(path.read_text()))
        elif path.suffix == ".toml" or path.name == "uv.lock":
            tomllib.loads(path.read_text())
        elif path.suffix == ".json":
            json.loads(path.read_text())


@every_option_set
def test_the_workflows_pass_actionlint(options, baked):
    """GitHub would accept every generated workflow."""
    project = baked(options)
    workflows = sorted((project / ".github" / "workflows").glob("*.yml"))
    if workflows:
        check(require_tool("actionlint"), *workflows, cwd=project)


@every_option_set
def test_the_chosen_license_is_the_only_one(options, baked):
    """LICENSE is the chosen text, names the holder and no year."""
    project = baked(options)
    text = (project / "LICENSE").read_text()
    assert text.startswith(LICENSE_STARTS[options["license"]])
    assert "Flight Delays authors" in text and "20" not in text.split("authors")[0][-40:]
    assert not (project / "licenses").exists()


@every_option_set
def test_dvc_has_the_chosen_remote(options, baked):
    """`ghcr` needs no DVC remote, each other one has its own. None reports usage."""
    config = (baked(options) / ".dvc" / "config").read_text()
    assert "analytics = false" in config and "autostage = true" in config
    starts = {"ghcr": "", "local": "../../"}
    (url,) = re.findall(r"url = (.*)", config) or [""]
    remote = options["dvc_remote"]
    assert url.startswith(starts.get(remote, f"{remote}://"))
    assert bool(url) == (options["dvc_remote"] != "ghcr")


@every_option_set
def test_gate_and_estimators_are_those_of_the_task(options, baked):
    """The files belong to the task, and those of the other task are gone."""
    project = baked(options)
    raw = TEMPLATE / f"gate.{options['task']}.yaml"
    assert yaml.safe_load((project / "gate.yaml").read_text()) == yaml.safe_load(raw.read_text())
    assert [p.name for p in project.glob("gate.*")] == ["gate.yaml"]
    package, raw = (
        folder / "src" / name for folder, name in ((project, "flight_delays"), (TEMPLATE, PACKAGE))
    )
    modules = ["__init__.py", "estimators.py", "extensions.py", "features.py", "schema.py"]
    assert sorted(path.name for path in package.iterdir()) == modules
    for name in modules:
        own = raw / name.replace(".py", f".{options['task']}.py")
        expected = own if own.exists() else raw / name
        assert (package / name).read_bytes() == expected.read_bytes()
    assert (package / "estimators.py").read_bytes() != (package / "schema.py").read_bytes()


def test_two_bakes_are_byte_identical(baked, template, tmp_path):
    """Generating again, elsewhere, gives the same bytes, the lock included but for sizes.

    An index may or may not tell how large a file is, from one request to the next; its hash says
    more.
    """
    done = generate(template, tmp_path, **DEFAULTS)
    assert done.returncode == 0, done.stderr
    first, second = baked(DEFAULTS), tmp_path / "flight-delays"
    assert files(first) == files(second)

    def content(path):
        whole = path.read_bytes()
        return re.sub(rb", size = \d+", b"", whole) if path.name == "uv.lock" else whole

    assert [n for n in files(first) if content(first / n) != content(second / n)] == []


def test_verbatim_files_are_copied_byte_for_byte(baked):
    """What cookiecutter does not render is the template's own file."""
    project = baked(DEFAULTS)
    verbatim = [name for name in files(project) if is_verbatim(relative_to_package(name))]
    chosen = [name for name in verbatim if not (TEMPLATE / relative_to_package(name)).exists()]
    assert chosen == ["src/flight_delays/estimators.py"]  # renamed by a hook, see above
    for name in sorted({*verbatim} - {*chosen}):
        raw = TEMPLATE / relative_to_package(name)
        assert raw.read_bytes() == (project / name).read_bytes(), name


def test_nothing_belongs_to_one_machine(baked):
    """No absolute path of the machine that generated it, and no index but the public one."""
    project = baked(DEFAULTS)
    home = str(Path.home().parent) + "/"
    for name in files(project):
        text = (project / name).read_bytes()
        assert home.encode() not in text, name
        assert str(ROOT).encode() not in text, name


def test_data_are_in_git_byte_for_byte(project, tmp_path):
    """Line ends of Windows too: DVC's lock has the hash of the very file."""
    table = "data/raw/spreadsheet.csv"
    (project / table).write_bytes(b"day;amount\r\n1;2,5\r\n")
    check("git", "add", table, cwd=project)
    check("git", "commit", "--quiet", "--message", "Data", cwd=project)
    check("git", "clone", "--quiet", project, tmp_path / "clone", cwd=tmp_path)
    assert (tmp_path / "clone" / table).read_bytes() == (project / table).read_bytes()
