"""A generated project, its image in several versions, and the table in its documents."""

import json
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from benchmarks.kubernetes.world import run

ROOT = Path(__file__).parents[2]
BEGIN, END = "<!-- begin of runs -->\n", "<!-- end of runs -->\n"
BASE = "kube-bench:base"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
SCORES = "predictor.scores(coded)"
MODEL = "/app/.venv/lib/python3*/site-packages/mlops_loop/inference/model.py"
SED = f"sed -i 's/{SCORES}$/{SCORES} - 0.01/' {MODEL} && grep -qF ') - 0.01' {MODEL}"
# By name, lines of a Dockerfile that make another image of the project's own one.
IMAGES = {
    "first": "",
    "second": "ENV GIT_COMMIT=second",
    "answers wrongly": f"USER 0\nRUN {SED}\nUSER 10001:10001",
    "crashes": 'CMD ["sh", "-c", "echo out of luck; exit 3"]',
    "is never ready": "CMD sleep infinity",
    "fails only with traffic": 'CMD [ -z "$LOG_URL" ] && exec loop serve; exec sleep infinity',
}


def prepared(given: list[str], target: str) -> Path:
    """Return a generated project with a bundle, and make its image."""
    project = Path(given[0]).resolve() if given else ROOT / "build" / target
    if not given:
        answers = (f"deploy_target={target}", "github_owner=octo-org")
        run(sys.executable, ROOT / "tools" / "bake.py", "--name", project.name, *answers, cwd=ROOT)
    if not (project / "models/bundle").exists():
        run("make", "pipeline", cwd=project)
    make_image(project)
    return project


def make_image(project: Path) -> None:
    """Build the project's own image."""
    bundle = json.loads((project / "models/bundle/manifest.json").read_text())["id"]
    facts = ("MODEL_VERSION=v1.0.0", f"BUNDLE_ID={bundle}")
    arguments = [word for fact in facts for word in ("--build-arg", fact)]
    secret = ["--secret", f"id=ca,src={CERTIFICATES}"] if CERTIFICATES.exists() else []
    env = os.environ | {"DOCKER_BUILDKIT": "1"}
    run("docker", "build", "--quiet", *arguments, *secret, "--tag", BASE, project, env=env)


def build(image: str, names: Iterable[str] = IMAGES) -> dict[str, str]:
    """Make and push images of these names; return the digests."""
    digests = {}
    for name in names:
        short = name.replace(" ", "-")
        tag = f"kube-bench:{short}"
        recipe = f"FROM {BASE}\nLABEL bench={short}\n{IMAGES[name]}\n"
        run("docker", "build", "--quiet", "--tag", tag, "-", text=recipe)
        run("docker", "tag", tag, f"{image}:{short}")
        pushed = run("docker", "push", f"{image}:{short}")
        digests[name] = re.search(r"digest: (sha256:[0-9a-f]{64})", pushed)[1]
        run("docker", "image", "rm", f"{image}:{short}")
    return digests


def write(page: Path, introduction: list[str], rows: list[tuple[str, str]]) -> None:
    """Put the table into a page."""
    lines = [*introduction, "", "| what | result |", "|---|---|"]
    lines += [f"| {what} | {result} |" for what, result in rows]
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    text = before + BEGIN + "\n" + "\n".join(lines) + "\n\n" + END + after
    page.write_text(text, encoding="utf-8")
