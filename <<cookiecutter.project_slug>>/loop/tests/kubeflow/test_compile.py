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


@pytest.fixture
def compiled(staged, uv):
    """What the command wrote."""
    call = ["kubeflow", "compile", "--image", IMAGE, "--store", "s3://flights/store"]
    done = CliRunner().invoke(cli, call, catch_exceptions=False)
    assert "4 stages in build/kubeflow.yaml" in done.output
    return staged / "build/kubeflow.yaml"


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
    read = [uv, "run", "--no-project", "--with", "kfp==2.17.3", "python", "-c", READ, compiled]
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
