"""PyTorch in a project: the section of the page about training, followed, and served without it."""

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from conftest import DEFAULTS, check, environment_of, require_tool
from documents import blocks
from test_extensions import PACKAGE, add_code, change_yaml, path_of

BEGIN = "### Trained by PyTorch\n"
TORCH_TESTS = "tests/pipeline/test_torch_learner.py"


@dataclass(frozen=True)
class Followed:
    """The project after the section, and what each command printed."""

    folder: Path
    printed: dict[str, str]

    def report(self, name: str) -> dict:
        """Return a report of the pipeline."""
        return json.loads((self.folder / "reports" / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def followed(baked, tmp_path_factory) -> Followed:
    """Do what each block says, in a project with an environment of its own."""
    require_tool("uv")
    folder = tmp_path_factory.mktemp("torch") / "flight-delays"
    shutil.copytree(baked(DEFAULTS), folder)
    printed = {}
    page = (folder / "loop" / "docs" / "training.md").read_text(encoding="utf-8")
    section = folder.with_name("section.md")
    section.write_text(page.partition(BEGIN)[2].partition("\n## ")[0], encoding="utf-8")
    for block in blocks(section):
        text = block.text.replace("<package>", PACKAGE)
        if block.kind == "python":
            add_code(path_of(folder, block), text)
        elif block.kind == "yaml":
            change_yaml(path_of(folder, block), yaml.safe_load(text))
        else:
            printed |= {line: check("bash", "-c", line, cwd=folder) for line in text.splitlines()}
    return Followed(folder, printed)


def packages(folder: Path, *groups: str) -> set[str]:
    """Return what uv installs from the lock of a project."""
    command = ["uv", "export", "--frozen", "--quiet", "--no-hashes", "--no-emit-workspace", *groups]
    return set(re.findall(r"^([\w-]+)==", check(*command, cwd=folder), re.M))


def test_only_who_asks_installs_it(baked, followed):
    """It is in the lock of every project, and in no environment and no image without the extra."""
    assert 'name = "torch"' in (baked(DEFAULTS) / "uv.lock").read_text(encoding="utf-8")
    assert "scikit-learn" in packages(baked(DEFAULTS), "--all-groups")
    assert "torch" not in packages(baked(DEFAULTS), "--all-groups")
    assert "torch" in packages(followed.folder, "--all-groups")
    assert "torch" not in packages(followed.folder, "--no-default-groups")


def test_the_loops_own_tests_of_it_pass(followed):
    """Those that are skipped where it is not installed."""
    command = ["uv", "run", "--frozen", "--project", "..", "pytest", "-q", "-n", "0", TORCH_TESTS]
    said = check(*command, cwd=followed.folder / "loop", timeout=900)
    assert re.search(r"\d{2} passed", said) and "skipped" not in said, said


def test_it_trained_and_stopped_by_the_split(followed):
    """As the report and the one line about version and device say."""
    said = followed.printed["uv run loop repro"]
    assert len(re.findall(r"^train: PyTorch \S+ on ", said, re.M)) == 1, said
    training = followed.report("training.json")
    assert (training["estimator"], len(training["candidates"])) == ("torch_mlp", 4)
    assert 1 < training["iterations"] < 50


def test_the_model_is_as_good_as_the_page_says(followed):
    """Better than the linear model, and proven on every held-out row."""
    export = followed.report("export.json")
    assert export["n_rows"] > 3000 and export["largest_difference"] < 1e-5
    assert 0.7 < followed.report("metrics.json")["roc_auc"] < 0.74
    assert "PROMOTE" in followed.printed["uv run loop gate"]


def test_a_number_is_predicted_as_well(baked, followed, tmp_path):
    """The same blocks with `NetworkRegressor`, as the page says: trained, exported and proven."""
    folder = Path(shutil.copytree(baked(DEFAULTS | {"task": "regression"}), tmp_path / "project"))
    for block in blocks(followed.folder.with_name("section.md")):
        text = block.text.replace("NetworkClassifier", "NetworkRegressor")
        if block.kind == "python":
            path = path_of(folder, block)
            path.write_text(path.read_text(encoding="utf-8") + "\n" + text, encoding="utf-8")
        elif block.kind == "yaml":
            change_yaml(path_of(folder, block), yaml.safe_load(text))
    own = environment_of(folder, followed.folder)
    assert "train: PyTorch" in check("loop", "repro", cwd=folder, env=own)
    there = Followed(folder, {})
    assert there.report("training.json")["estimator"] == "torch_mlp"
    assert 1 < there.report("training.json")["iterations"] < 50
    export = there.report("export.json")
    assert export["n_rows"] > 3000 and export["largest_difference"] < 1e-5
    measured = there.report("evaluation.json")
    assert measured["metrics"]["rmse"] < measured["baselines"]["rmse"]["constant"]


def test_it_is_served_where_neither_torch_nor_scikit_learn_is(followed, tmp_path):
    """By what an image installs; the answers are those that the gate saw."""
    own = os.environ | {"UV_PROJECT_ENVIRONMENT": str(tmp_path / "serving")}
    check("uv", "sync", "--frozen", "--quiet", "--no-default-groups", cwd=followed.folder, env=own)
    programs = tmp_path / "serving" / "bin"
    missing = "import importlib.util as u; print([u.find_spec(n) for n in ('torch', 'sklearn')])"
    assert check(programs / "python", "-c", missing, cwd=followed.folder) == "[None, None]\n"
    command = [programs / "loop", "serve", "--port", "0"]
    with subprocess.Popen(
        command, cwd=followed.folder, stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            address = re.search(r"http://[\d.]+:\d+", server.stdout.readline())[0]
            loop = followed.folder / ".venv" / "bin" / "loop"
            assert "50 golden rows" in check(loop, "smoke", address, cwd=followed.folder)
        finally:
            server.terminate()
