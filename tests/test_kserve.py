"""The manifests of deploy/kserve against KServe's own schemas, strictly, and deploy.sh.

benchmarks/kserve runs them under KServe's own controller.
"""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from conftest import OPTION_SETS, check, require_tool, run

KSERVE = "github.com/kserve/kserve@v0.20.0"  # @latest and v0.18.0 are refused by Go's proxy
FIRST, SECOND = (f"sha256:{letter * 64}" for letter in "de")
# It keeps what it was given. An image whose digest is in the file `late` never rolls out.
KUBECTL = """#!/bin/sh
case $1 in
  apply) if [ "$3" = - ]; then cat; else cat "$3"; fi >{folder}/$(date +%s%N).yaml ;;
  patch) printf '%s' "$7" >{folder}/patch ;;
  get) cat {folder}/runs ;;
  wait) echo "$*" | sed -n 's/.*@//p' | cut -c 1-71 >{folder}/waited ;;
  rollout) ! grep -qFf {folder}/waited {folder}/late ;;
esac
"""


@pytest.fixture(scope="module")
def schemas(tmp_path_factory):
    """Return a strict validator for each kind and version of the module's CRDs."""
    go = require_tool("go")
    said = check(go, "mod", "download", "-json", KSERVE, cwd=tmp_path_factory.mktemp("go"))
    crds = Path(json.loads(said)["Dir"]) / "config" / "crd" / "full"
    found = {}
    for plural in ("inferenceservices", "servingruntimes"):
        text = (crds / f"serving.kserve.io_{plural}.yaml").read_text()
        crd = yaml.load(text, Loader=yaml.CSafeLoader)  # a safe loader, in C
        for version in crd["spec"]["versions"]:
            schema = version["schema"]["openAPIV3Schema"]
            schema["properties"]["metadata"] |= {"x-kubernetes-preserve-unknown-fields": True}
            kind = (f"serving.kserve.io/{version['name']}", crd["spec"]["names"]["kind"])
            found[kind] = jsonschema.Draft4Validator(strict(schema))
    return found


def strict(schema):
    """Refuse what a schema does not name, as an API server with strict validation does."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: strict(value) for key, value in schema.items()}
    if made.pop("x-kubernetes-int-or-string", False) is True:
        return {}
    open_ended = {"additionalProperties", "x-kubernetes-preserve-unknown-fields"} & set(made)
    if isinstance(schema.get("properties"), dict) and "type" in schema and not open_ended:
        made["additionalProperties"] = False
    return made


def complaints(schemas, one):
    """Return what a manifest has wrong."""
    validator = schemas[one["apiVersion"], one["kind"]]
    return [f"{list(e.absolute_path)}: {e.message[:200]}" for e in validator.iter_errors(one)]


@pytest.fixture(scope="module")
def folder(baked):
    """Return deploy/kserve of a generated project."""
    options = next(o for o in OPTION_SETS if o["deploy_target"] == "kserve")
    return baked(options) / "deploy" / "kserve"


@pytest.fixture
def deploy(folder, tmp_path):
    """Give a function that runs deploy.sh; it returns what kubectl was given.

    `runs` is the image of the InferenceService, and pods of `late` are never ready.
    """
    (tmp_path / "kubectl").write_text(KUBECTL.format(folder=tmp_path))
    (tmp_path / "kubectl").chmod(0o755)

    def call(*arguments, runs="", late=""):
        for file in (*tmp_path.glob("*.yaml"), *tmp_path.glob("patch")):
            file.unlink()
        (tmp_path / "runs").write_text(runs and f"ghcr.io/octo/flights@{runs}")
        (tmp_path / "late").write_text(late)
        done = run("./deploy.sh", *arguments, cwd=folder, env={"PATH": f"{tmp_path}:/usr/bin:/bin"})
        patch = tmp_path / "patch"
        applied = [yaml.safe_load(f.read_text()) for f in sorted(tmp_path.glob("*.yaml"))]
        return done, applied, yaml.safe_load(patch.read_text()) if patch.exists() else None

    return call


def merged(target, patch):
    """Return an object after a JSON merge patch, RFC 7386."""
    result = dict(target)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            result[key] = merged(result.get(key) or {}, value)
        else:
            result[key] = value
    return result


def test_the_stable_service_is_valid(schemas, deploy):
    """By its digest, in the mode whose canary is a field."""
    done, (runtime, service), patch = deploy("stable", FIRST)
    assert (done.returncode, patch) == (0, {"spec": {"canary": None}}), done.stderr
    assert complaints(schemas, runtime) == complaints(schemas, service) == []
    predictor = service["spec"]["predictor"]
    assert predictor["model"]["image"].endswith(f"@{FIRST}")
    assert predictor["model"]["runtime"] == runtime["metadata"]["name"]
    # validateCanarySpecs of KServe 0.20 wants both where there is a canary.
    assert service["metadata"]["annotations"]["serving.kserve.io/deploymentMode"] == "Standard"
    assert "containers" not in predictor
    assert "name" not in predictor["model"], "KServe's webhook refuses it"
    assert predictor["model"]["env"] == [{"name": "IMAGE_DIGEST", "value": FIRST}]


def test_another_image_replaces_pods_one_by_one(deploy):
    """KServe deletes at once what runs under a name that the predictor no longer has."""
    before, after = (
        deploy("stable", digest)[1][1]["spec"]["predictor"] for digest in (FIRST, SECOND)
    )
    assert "name" not in after
    changed = {key for key in before if before[key] != after[key]}
    assert changed == {"model"}
    assert after["deploymentStrategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}


def test_no_resources_are_those_of_kserve(deploy):
    """Its webhook fills in what the InferenceService lacks, whatever the runtime says."""
    (container,), model = (
        one["spec"]["containers"]
        if one["kind"] == "ServingRuntime"
        else one["spec"]["predictor"]["model"]
        for one in deploy("stable", FIRST)[1]
    )
    assert "resources" not in container
    assert all({"cpu", "memory"} == set(model["resources"][key]) for key in ("requests", "limits"))


def test_no_pod_gets_an_agent(deploy):
    """Of all formats without a storageUri, KServe leaves this one alone."""
    runtime, service = deploy("stable", FIRST)[1]
    canary = deploy("canary", SECOND)[2]["spec"]["canary"][0]
    formats = [one["predictor"]["model"]["modelFormat"] for one in (service["spec"], canary)]
    assert formats == [{"name": "huggingface"}] * 2
    assert runtime["spec"]["supportedModelFormats"] == [formats[0] | {"autoSelect": False}]


def test_a_canary_is_valid_and_is_undone(schemas, deploy):
    """It has no traffic, no autoscaler that would stay, and takes no pod of the stable one."""
    service = deploy("stable", FIRST)[1][1]
    with_canary = merged(service, deploy("canary", SECOND)[2])
    assert complaints(schemas, with_canary) == []
    (canary,) = with_canary["spec"]["canary"]
    assert canary["trafficPercent"] == 0
    assert canary["predictor"]["model"]["env"] == [{"name": "IMAGE_DIGEST", "value": SECOND}]
    assert canary["predictor"]["model"]["image"].endswith(f"@{SECOND}")
    assert canary["predictor"]["annotations"] == {"serving.kserve.io/autoscalerClass": "none"}
    taken = canary["predictor"]["minReplicas"]
    with_, without = (one["spec"]["predictor"]["minReplicas"] for one in (with_canary, service))
    assert with_ - taken == without
    _, (applied,), patch = deploy("undo", runs=FIRST)
    assert (applied, patch) == (service, {"spec": {"canary": None}})


def test_a_stable_image_ends_the_canary(deploy):
    """Once it runs: one that is late leaves the canary."""
    assert deploy("stable", SECOND, runs=FIRST)[2] == {"spec": {"canary": None}}
    assert deploy("stable", SECOND, runs=FIRST, late=SECOND)[2] is None


def image(service):
    """Return the digest of an InferenceService."""
    return service["spec"]["predictor"]["model"]["image"].rpartition("@")[2]


def test_an_image_that_is_late_goes_back(deploy):
    """The image before is applied again, and the exit code says it."""
    done, (_, *applied), _ = deploy("stable", SECOND, runs=FIRST, late=SECOND)
    assert done.returncode == 1
    assert [image(one) for one in applied] == [SECOND, FIRST]
    assert f"no pods of {SECOND} were ready. {FIRST} is back." in done.stderr


@pytest.mark.parametrize("runs", ["", SECOND], ids=["nothing", "the same"])
def test_the_first_image_cannot_go_back(deploy, runs):
    """Nothing else ran."""
    done, (_, *applied), _ = deploy("stable", SECOND, runs=runs, late=SECOND)
    assert done.returncode == 1
    assert [image(one) for one in applied] == [SECOND]
    assert "Nothing else ran before" in done.stderr


def test_a_canary_that_is_late_leaves_the_stable_one(deploy):
    """Nothing is applied."""
    done, applied, _ = deploy("canary", SECOND, runs=FIRST, late=SECOND)
    assert (done.returncode, applied) == (1, [])
    assert "The stable one has all traffic" in done.stderr


SLIPS = [
    ("inference-service.yaml", "minReplicas", "minReplica"),
    ("inference-service.yaml", "runtime:", "runtimes:"),
    ("serving-runtime.yaml", "readOnlyRootFilesystem", "readOnlyRootFileSystem"),
    ("serving-runtime.yaml", "containerPort: 8000", "containerPort: http"),
]


@pytest.mark.parametrize(("file", "right", "wrong"), SLIPS, ids=lambda word: word)
def test_a_slip_is_found(schemas, folder, file, right, wrong):
    """An unknown key, and a value of another type."""
    text = (folder / file).read_text()
    assert complaints(schemas, yaml.safe_load(text)) == []
    assert complaints(schemas, yaml.safe_load(text.replace(right, wrong))) != []


WRONG = [
    (),
    ("stable",),
    ("stable", "latest"),
    ("canary",),
    ("promote", FIRST),
    ("x", FIRST),
]


@pytest.mark.parametrize("arguments", WRONG, ids=" ".join)
def test_a_wrong_call_changes_nothing(deploy, arguments):
    """It says what is allowed."""
    done, applied, patch = deploy(*arguments)
    assert (done.returncode, applied, patch) == (64, [], None)
    assert "deploy.sh canary sha256:DIGEST" in done.stderr


def test_the_pages_say_what_deploy_does(folder):
    """The commands of the README are those of the script, and what ran is of this version."""
    readme = (folder / "README.md").read_text()
    usage = [
        line[6:] for line in (folder / "deploy.sh").read_text().splitlines() if line[:6] == "#     "
    ]
    assert usage == [line[6:] for line in readme.splitlines() if line.startswith("    ./deploy.sh")]
    page = (folder.parents[1] / "loop" / "docs" / "kserve.md").read_text()
    version = KSERVE.partition("@")[2]
    assert f"KServe {version} on Kubernetes v1." in page
    for text in (readme, page):
        assert "trafficPercent" in text, "it is reported, and sends no traffic"
    assert "Validated, not run" not in readme
