"""The manifests of deploy/kserve against KServe's own schemas, strictly. No controller runs."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from conftest import OPTION_SETS, check, require_tool, run

KSERVE = "github.com/kserve/kserve@v0.20.0"  # @latest and v0.18.0 are refused by Go's proxy
FIRST, SECOND = (f"sha256:{letter * 64}" for letter in "de")
KUBECTL = """#!/bin/sh
case $1 in
  apply) cat "$(echo $3 | sed s/^-$/\\\\/dev\\\\/stdin/)" > {folder}/$(date +%s%N).yaml ;;
  patch) printf '%s' "$7" > {folder}/patch ;;
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
    """Give a function that runs deploy.sh; it returns what kubectl was given."""
    (tmp_path / "kubectl").write_text(KUBECTL.format(folder=tmp_path))
    (tmp_path / "kubectl").chmod(0o755)

    def call(*arguments):
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
    done, (runtime, service), _ = deploy("stable", FIRST)
    assert done.returncode == 0, done.stderr
    assert complaints(schemas, runtime) == complaints(schemas, service) == []
    predictor = service["spec"]["predictor"]
    assert predictor["model"]["image"].endswith(f"@{FIRST}")
    assert predictor["model"]["runtime"] == runtime["metadata"]["name"]
    # validateCanarySpecs of KServe 0.20 wants both where there is a canary.
    assert service["metadata"]["annotations"]["serving.kserve.io/deploymentMode"] == "Standard"
    assert "containers" not in predictor


def test_a_canary_is_valid_and_becomes_the_stable_one(schemas, deploy):
    """It keeps its name, so that KServe keeps its pods."""
    service = deploy("stable", FIRST)[1][1]
    with_canary = merged(service, deploy("canary", SECOND, "10")[2])
    assert complaints(schemas, with_canary) == []
    (canary,) = with_canary["spec"]["canary"]
    assert canary["trafficPercent"] == 10
    assert canary["predictor"]["model"]["image"].endswith(f"@{SECOND}")
    assert canary["predictor"]["name"] != service["spec"]["predictor"]["name"]
    assert canary["predictor"]["minReplicas"] <= service["spec"]["predictor"]["minReplicas"]
    promoted = merged(with_canary, deploy("promote", SECOND)[2])
    assert complaints(schemas, promoted) == []
    assert "canary" not in promoted["spec"]
    for key in ("name", "model"):
        assert promoted["spec"]["predictor"][key] == canary["predictor"][key]
    assert merged(with_canary, deploy("undo")[2]) == service


SLIPS = [
    ("inference-service.yaml", "minReplicas", "minReplica"),
    ("inference-service.yaml", "runtime:", "runtimes:"),
    ("serving-runtime.yaml", "readOnlyRootFilesystem", "readOnlyRootFileSystem"),
    ("serving-runtime.yaml", "containerPort: 8000", "containerPort: http"),
]


@pytest.mark.parametrize(("file", "right", "wrong"), SLIPS, ids=lambda word: word)
def test_a_slip_is_found(schemas, folder, file, right, wrong):
    """An unknown key, and a value of another type."""
    text = (folder / file).read_text().replace("VARIANT", "v-1")
    assert complaints(schemas, yaml.safe_load(text)) == []
    assert complaints(schemas, yaml.safe_load(text.replace(right, wrong))) != []


WRONG = [
    (),
    ("stable",),
    ("stable", "latest"),
    ("canary", FIRST),
    ("canary", FIRST, "101"),
    ("x", FIRST),
]


@pytest.mark.parametrize("arguments", WRONG, ids=" ".join)
def test_a_wrong_call_changes_nothing(deploy, arguments):
    """It says what is allowed."""
    done, applied, patch = deploy(*arguments)
    assert (done.returncode, applied, patch) == (64, [], None)
    assert "deploy.sh canary sha256:DIGEST PERCENT" in done.stderr


def test_it_is_labelled_as_not_run(folder):
    """In the page and in the script."""
    assert "**Validated, not run**" in (folder / "README.md").read_text()
    assert "Not run by the template's tests" in (folder / "deploy.sh").read_text()
