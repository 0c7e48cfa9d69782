"""The loop of a generated project, run as its README says, for each task."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from conftest import OPTION_SETS, TASKS, check, environment_of, option_id, run
from loop import shell_lines

ENVIRONMENT_FOLDER = ".venv"
# The sets whose project is not the one of `loop`.
OTHER_SETS = [options for options in OPTION_SETS if options["dvc_remote"] != "ghcr"]
WITHOUT_MODEL = ["-p", "no:cacheprovider", "--ignore-glob=*/test_[12]_*"]


def in_project(folder: Path, *command: str, **options) -> subprocess.CompletedProcess[str]:
    """Run a program of the project's environment in a project folder."""
    program, *arguments = command
    return run(folder / ENVIRONMENT_FOLDER / "bin" / program, *arguments, cwd=folder, **options)


@pytest.fixture(params=TASKS)
def turned(request, loop):
    """Return what one turn of the loop left, for each task."""
    return loop(request.param)


def sensor_of(turned) -> str:
    """Return the column that falls silent in the month of production."""
    return "distance" if turned.project.parent.name == "clustering" else "pressure"


def test_one_turn(turned):
    """From the first model to the monitor's alarm and its end: in this order."""
    sensor = sensor_of(turned)
    words = [
        "may be the first model", "v1.0.0 is in production as", "may replace v1.0.0",
        "git merge", "v1.1.0 is in production as", "50 golden rows", "answer  ",
        "REJECT: ", "the gate saw", "is restored: v1.1.0 is in production as",
        "v1.0.0 is in production as sha256:", ", held", "v1.0.0 is held in production by Demo",
        "--lift-hold", "Nothing new: v1.1.0 is in production as", "automatic rollback: ",
        "model: ok: v1.1.0 is ok.", f"no {sensor} from 2013-08-22 on", "v1.1.0 is broken: ",
        f"missing:{sensor}", ". Retraining is blocked.", "(exit code 8", "model: ok: v1.1.0 is ok.",
    ]  # fmt: skip
    place = 0
    for word in words:
        place = turned.output.find(word, place) + 1
        assert place, word


def test_ledger(turned):
    """The tags say that the second version is in production, and what came before."""
    shown = in_project(turned.folder, "loop", "registry", "show", "--json")
    [production] = json.loads(shown.stdout)
    assert (production["version"], production["note"]["previous"]) == ("v1.1.0", "v1.0.0")


def test_steps_are_timed_and_reports_named(turned):
    """The demo prints the seconds of each step, and addresses of pages that exist."""
    assert turned.output.count(" s  ") >= 7
    for name in ("promoted.html", "refused.html", "alarm.html", "dashboard.html"):
        page = turned.folder / "reports" / name
        assert page.as_uri() in turned.output
        assert page.stat().st_size > 10_000


def test_the_dashboards_are_those_of_an_alarm_and_of_its_end(turned):
    """In the title, and by the column."""
    alarm, ended = (
        (turned.folder / "reports" / f"{name}.html").read_text("utf-8")
        for name in ("alarm", "dashboard")
    )
    assert ": broken</title>" in alarm and f"missing:{sensor_of(turned)}" in alarm
    assert ": ok</title>" in ended


def test_no_store_of_the_project_is_touched(turned):
    """The history of days is in a store of its own, whatever store the project has."""
    assert sorted(turned.folder.glob("build/store/history/days-*"))


def test_second_repro_does_nothing(turned):
    """With nothing changed, no stage runs."""
    done = in_project(turned.folder, "dvc", "repro", "--no-commit")
    assert "Data and pipelines are up to date." in done.stdout, done.stdout + done.stderr


def test_the_notebook_runs_on_the_trained_model(turned):
    """By the project's own test, which without a model runs nothing."""
    done = in_project(turned.folder, "pytest", "-q", "tests/test_2_notebooks.py")
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_a_file_is_predicted_by_the_line_of_its_page(turned, tmp_path):
    """By models/bundle; and by the version in production, as in a notebook's folder."""
    [[line], *_] = shell_lines(turned.folder / "loop" / "docs" / "predict.md")
    program, name, file = line.removeprefix("uv run ").split()
    file = str(turned.project / file)  # the demo has moved its own
    outputs = [tmp_path / f"{n}.csv" for n in range(2)]
    for out, options in zip(outputs, ([], ["--version", "production"]), strict=True):
        done = in_project(turned.folder, program, name, file, "--out", str(out), *options)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "2,500 of 2,500 rows by" in done.stdout
        assert len(out.read_text().splitlines()) == 2501
    assert outputs[0].read_text().startswith("row,time_hour,carrier,flight,origin,dest,prediction")
    python = turned.folder.resolve() / ENVIRONMENT_FOLDER / "bin" / "python"
    call = "from mlops_loop import load; print(load('production').version)"
    folder = turned.folder / "notebooks"
    assert check(python, "-c", call, cwd=folder).splitlines()[-1] == "v1.1.0"


@pytest.fixture
def fresh(loop, tmp_path: Path) -> Path:
    """Return a clone of the classification loop in another folder, with an empty DVC cache."""
    source = loop("classification").folder
    folder = tmp_path / "elsewhere"
    check("git", "clone", "--quiet", source, folder, cwd=tmp_path)
    (folder / ENVIRONMENT_FOLDER).symlink_to(source.resolve() / ENVIRONMENT_FOLDER)
    return folder


def test_same_bytes_elsewhere_and_only_what_depends(fresh):
    """Another folder without a cache gives the lock's very hashes; a parameter reruns its own."""
    code = f"{fresh / 'src'}:{fresh / 'loop' / 'src'}"
    environment = {"PYTHONPATH": code, "PATH": path_of(fresh), "HOME": str(fresh)}
    done = in_project(fresh, "dvc", "repro", env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert check("git", "status", "--porcelain", "--", "dvc.lock", cwd=fresh) == ""
    params = fresh / "params.yaml"
    params.write_text(params.read_text().replace("golden_rows: 50", "golden_rows: 40"))
    done = in_project(fresh, "dvc", "repro", env=environment)
    ran = [line for line in done.stdout.splitlines() if line.startswith("Running stage")]
    assert ran == ["Running stage 'evaluate':"]


def test_a_constant_is_no_first_model(loop, tmp_path):
    """Boosting that learns nothing keeps to every limit of the default gate for regression."""
    source, folder = loop("regression").folder, tmp_path / "constant"
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns(".git", ENVIRONMENT_FOLDER))
    (folder / ENVIRONMENT_FOLDER).symlink_to(source.resolve() / ENVIRONMENT_FOLDER)
    check("git", "init", "--quiet", cwd=folder)
    params = yaml.safe_load((folder / "params.yaml").read_text())
    params["train"]["grid"] = {"learning_rate": [1e-9], "max_iter": [1]}
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    code = f"{folder / 'src'}:{folder / 'loop' / 'src'}"
    environment = {"PYTHONPATH": code, "PATH": path_of(folder), "HOME": str(folder)}
    for stage in ("train", "export", "evaluate"):
        done = in_project(folder, "loop", stage, env=environment)
        assert done.returncode == 0, done.stderr
    done = in_project(folder, "loop", "gate", "--json", env=environment)
    assert done.returncode == 1, done.stdout + done.stderr
    checks = {c["name"]: c["status"] for c in json.loads(done.stdout)["checks"]}
    assert checks["absolute"] == "pass"
    assert checks["against constant"] == checks["predictions"] == "fail"


def path_of(folder: Path) -> str:
    """Return a PATH on which the project's own programs come first."""
    return f"{folder / ENVIRONMENT_FOLDER / 'bin'}:/usr/local/bin:/usr/bin:/bin"


@pytest.mark.parametrize("task", TASKS)
def test_own_tests(loop, task):
    """`make lint` and `make test` of a generated project pass, as its README says."""
    done = run("make", "lint", "test", cwd=loop(task).project, timeout=1200)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


@pytest.mark.parametrize("options", OTHER_SETS, ids=option_id)
def test_wiring(baked, loop, options):
    """Stages, parameters and workflows fit the code, whatever was answered; no model is trained."""
    project = baked(options)
    environment = environment_of(project, loop("classification").project)
    done = run("python", "-m", "pytest", "-q", *WITHOUT_MODEL, cwd=project, env=environment)
    assert done.returncode == 0, done.stdout[-6000:]


def test_refuses_to_serve_a_changed_bundle(loop, tmp_path):
    """A bundle in which one byte was changed is refused with exit code 7."""
    folder = Path(shutil.copytree(loop("classification").folder / "models", tmp_path / "models"))
    model = folder / "bundle" / "model.onnx"
    model.write_bytes(model.read_bytes()[:-1] + b"!")
    program = loop("classification").folder / ENVIRONMENT_FOLDER / "bin" / "loop"
    done = run(program, "smoke", "http://127.0.0.1:9", cwd=tmp_path)
    assert done.returncode == 7
    assert "does not match its manifest" in done.stderr


def test_dvc_draws_every_plot(turned):
    """`dvc plots show` finds points for each plot that `dvc.yaml` names, and complains of none."""
    done = in_project(turned.folder, "dvc", "plots", "show", "--json")
    shown = json.loads(done.stdout)
    written = {path.stem for path in (turned.folder / "reports" / "plots").glob("*.csv")}
    assert {Path(name).stem for name in shown["data"]} == written
    assert "errors" not in shown
