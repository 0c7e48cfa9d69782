"""The file for Kubeflow: compiled and read back by kfp, in its own environment."""

from __future__ import annotations

import subprocess

import pytest
import yaml
from click.testing import CliRunner

from mlops_loop.cli import cli
from mlops_loop.errors import UsageError
from mlops_loop.kubeflow import compile as compiling

IMAGE = "127.0.0.1:5000/flights/training@sha256:" + "a" * 64
READ = """
import sys
from kfp import components
print(components.load_component_from_file(sys.argv[1]).name)
"""
pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning")  # of DVC


@pytest.fixture(scope="module")
def kept():
    """What the first test compiled: kfp takes seconds to load."""
    return []


@pytest.fixture
def compiled(staged, uv, kept):
    """What the command wrote."""
    path = staged / "build/kubeflow.yaml"
    if not kept:
        call = ["kubeflow", "compile", "--image", IMAGE, "--store", "s3://flights/store"]
        done = CliRunner().invoke(cli, call, catch_exceptions=False)
        assert "4 stages in build/kubeflow.yaml" in done.output
        kept.append(path.read_bytes())
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(kept[0])
    return path


def test_a_component_for_each_stage(compiled, uv):
    """Image by digest, stage by name, the store as a parameter; Kubeflow caches nothing."""
    spec = yaml.safe_load(compiled.read_text())
    containers = {k: e["container"] for k, e in spec["deploymentSpec"]["executors"].items()}
    assert {c["image"] for c in containers.values()} == {IMAGE}
    assert {c["args"][1] for c in containers.values()} == {
        "ingest", "check-rows", "train", "evaluate",
    }  # fmt: skip
    assert {c["args"][0] for c in containers.values()} == {"{{$.inputs.parameters['store_url']}}"}
    tasks = spec["root"]["dag"]["tasks"]
    order = {t["taskInfo"]["name"]: t.get("dependentTasks", []) for t in tasks.values()}
    assert order == {
        "ingest": [], "check-rows": ["ingest"], "train": ["check-rows"], "evaluate": ["train"],
    }  # fmt: skip
    assert [t["cachingOptions"].get("enableCache") for t in tasks.values()] == [None] * 4
    default = spec["root"]["inputDefinitions"]["parameters"]["store_url"]["defaultValue"]
    assert default == "s3://flights/store"
    kfp = ("--exclude-newer", "2026-11-14T00:00:00Z", "--with", "kfp==2.17.3")
    read = [uv, "run", "--no-project", *kfp, "python", "-c", READ, compiled]
    done = subprocess.run(read, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == spec["pipelineInfo"]["name"]


def test_the_file_says_what_was_not_run(compiled):
    """Before anybody uploads it."""
    assert "It was not run on a cluster's backend" in compiled.read_text()[:300]


def test_the_command_takes_hostile_names_as_data(compiled):
    """The stage and the address are arguments of the shell, and no part of its script."""
    spec = yaml.safe_load(compiled.read_text())
    for executor in spec["deploymentSpec"]["executors"].values():
        script = executor["container"]["command"][2]
        assert not {"ingest", "train", "s3:"} & {*script.replace('"', " ").split()}
        assert '"$1"' in script
        assert '"$2"' in script


@pytest.mark.parametrize(
    "image", ["flights:latest", "flights@sha256:abc", "a b@sha256:" + "0" * 64]
)
def test_an_image_that_may_move(staged, image):
    """Only a digest names one image; the commands that give it are named."""
    with pytest.raises(UsageError, match=r"by its digest.*docker build.*docker push"):
        compiling.compile_pipeline(staged, "flights", image, "", staged / "out.yaml")
    assert not (staged / "out.yaml").exists()


def test_without_uv(staged, monkeypatch):
    """No traceback: uv is named."""
    monkeypatch.setattr(compiling.shutil, "which", lambda *_, **__: None)
    with pytest.raises(UsageError, match="uv is not installed"):
        compiling.compile_pipeline(staged, "flights", IMAGE, "", staged / "out.yaml")


def test_where_kfp_fails(staged, uv, monkeypatch, tmp_path):
    """Its last line is the reason, and no file is written."""
    broken = tmp_path / "broken.py"
    broken.write_text("raise SystemExit('no such package')\n")
    monkeypatch.setattr(compiling, "COMPILER", broken)
    with pytest.raises(UsageError, match=r"kfp cannot compile dvc\.yaml: no such package"):
        compiling.compile_pipeline(staged, "flights", IMAGE, "", staged / "out.yaml")
    assert not (staged / "out.yaml").exists()


FAKE = """#!/bin/sh
echo "$(basename "$0") $* STORE_URL=${STORE_URL:-}" >> calls
if [ "$(basename "$0") $1" = "dvc repro" ]; then
  printf 'stages: %s\\n\\n' "$3" >> dvc.lock
fi
if [ "$(basename "$0") $*" = "${FAIL:-}" ]; then exit 6; fi
"""


@pytest.fixture
def container(compiled, tmp_path):
    """Run the command of a stage as its container does; `loop` and `dvc` write their calls."""
    executors = yaml.safe_load(compiled.read_text())["deploymentSpec"]["executors"]
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    for name in ("loop", "dvc"):
        (bin_ / name).write_text(FAKE)
        (bin_ / name).chmod(0o755)

    def run(stage, *args, fail=""):
        made = next(e for e in executors.values() if e["container"]["args"][1] == stage)
        work = tmp_path / f"in-{stage}"
        work.mkdir()
        command = [*made["container"]["command"], *args]
        env = {"PATH": f"{bin_}:/usr/bin:/bin", "FAIL": fail}
        done = subprocess.run(command, cwd=work, env=env, capture_output=True, text=True)
        return done.returncode, (work / "calls").read_text().splitlines()

    return run


def test_a_container_takes_and_gives_the_lock(container, tmp_path):
    """Byte for byte; the folder of the output is made, and the store is that of the run."""
    out, before = tmp_path / "outputs/lock/data", "schema: '2.0'\n# $(touch pwned) `id`\n"
    code, calls = container("train", "s3://b/p", "train", str(out), before)
    assert code == 0
    assert calls == [
        "loop store pull --checkout STORE_URL=s3://b/p",
        "dvc repro --single-item train STORE_URL=s3://b/p",
        "loop store push STORE_URL=s3://b/p",
    ]
    assert out.read_text() == before + "stages: train\n\n"
    assert not list(tmp_path.rglob("pwned"))


def test_the_first_container_begins_without_a_lock(container, tmp_path):
    """And without an address the store is that of .dvc/config."""
    code, calls = container("ingest", "", "ingest", str(tmp_path / "lock"))
    assert code == 0
    assert calls[0] == "loop store pull --checkout STORE_URL="
    assert (tmp_path / "lock").read_text() == "stages: ingest\n\n"


@pytest.mark.parametrize(
    ("fail", "calls"),
    [
        ("loop store pull --checkout", 1),
        ("dvc repro --single-item ingest", 2),
        ("loop store push", 3),
    ],
)
def test_a_container_stops_at_what_fails(container, tmp_path, fail, calls):
    """Without a lock, so that no later stage runs on what the store does not have."""
    code, made = container("ingest", "", "ingest", str(tmp_path / "lock"), fail=fail)
    assert (code, len(made)) == (6, calls)
    assert not (tmp_path / "lock").exists()
