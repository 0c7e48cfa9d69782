"""Scenes of what comes after the first release: made once a run, copied for each scenario."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import pwd
import shutil
from collections.abc import Callable
from pathlib import Path

import yaml
from conftest import check, locked, run

from .double import identity, rights
from .double.routes.packages import add_package
from .rig import HERE, LOOP
from .world import REPOSITORY, copy, quick

ID = 'sed -n \'s/^  "id": "\\(.*\\)".*/\\1/p\' models/bundle/manifest.json'
INDEX = "application/vnd.oci.image.index.v1+json"
SOURCE = "~/source"  # each run has a home, see World._home


def begun(shared: Path, name: str, project: Path) -> Path:
    """Return the scene before the first push: a project with a quick model, nothing stored."""
    scene = shared / "scenes" / name
    with locked(shared / f"scene-{name}.lock"):
        if not scene.exists():
            part = scene.with_suffix(".part")
            part.mkdir(parents=True)
            laptop = Path(shutil.copytree(project, part / "laptop"))
            shutil.rmtree(laptop / ".venv", ignore_errors=True)
            params = laptop / "params.yaml"
            params.write_text(quick(params.read_text()))
            check("git", "commit", "--quiet", "--all", "--message", "A quick model", cwd=laptop)
            check("git", "init", "--quiet", "--bare", "-b", "main", part / "origin.git", cwd=part)
            check("git", "remote", "add", "origin", part / "origin.git", cwd=laptop)
            check("git", "push", "--quiet", "origin", "main", cwd=laptop)
            (part / "registry").mkdir()
            part.rename(scene)
    return scene


def made(scene: Path, base: Path, registry: Callable, build: Callable[[Path, str], None]) -> Path:
    """Make a scene out of another; `build` is given its laptop and its registry's address."""
    with locked(scene.parent.parent / f"scene-{scene.name}.lock"):
        if not scene.exists():
            part = copy(base, scene.with_suffix(".part"))
            build(part / "laptop", f"{registry(part / 'registry')}/{REPOSITORY}")
            shutil.rmtree(part / "laptop" / ".venv")
            part.rename(scene)
    return scene


def places(address: str) -> dict[str, str]:
    """Return the environment of a person who keeps everything in the registry at an address."""
    found = {"STORE_URL": f"{address}/store", "IMAGE_URL": address}
    found["PATH"] = f"{HERE / 'bin'}:{os.environ['PATH']}"
    found["RIG_IMAGE_TAG"] = f"laptop-{os.getpid()}"
    # Docker's plugins lie in the real home, which the tests do not otherwise use.
    found["DOCKER_CONFIG"] = str(Path(pwd.getpwuid(os.getuid()).pw_dir) / ".docker")
    return os.environ | found


def steps(laptop: Path, address: str, *commands: str) -> None:
    """Run commands as a person would, on the laptop."""
    for command in commands:
        check("bash", "-ec", command, cwd=laptop, env=places(address))


def keep_layers(laptop: Path, address: str) -> None:
    """Let a registry hold the large layers of an image, under no name: a push need not repeat them.

    Without an engine nothing happens, as nothing is pushed there.
    """
    if run("docker", "info", cwd=laptop, env=places(address)).returncode:
        return
    name = f"{address.partition('://')[2]}:layers"
    steps(
        laptop, address, f"docker build --quiet --tag {name} .", f"docker push --quiet {name}",
        f"docker image rm --force {name}",
    )  # fmt: skip
    shutil.rmtree(
        laptop.parent / f"registry/docker/registry/v2/repositories/{REPOSITORY}/_manifests"
    )


def outside(params: str) -> str:
    """Return parameters whose source is no folder of the repository."""
    found = yaml.safe_load(params)
    found["source"] = {"kind": "files", "path": f"{SOURCE}/*.csv"}
    found["source"]["fingerprint"] = "data/source.json"
    return yaml.safe_dump(found, sort_keys=False)


def retrained(champion: Path, shared: Path, registry: Callable) -> Path:
    """Add a second version, of data that are not in the repository."""

    def build(laptop: Path, address: str) -> None:
        source = shutil.copytree(laptop / "data" / "raw", laptop.parent / "source")
        Path(SOURCE).expanduser().symlink_to(source)
        params = laptop / "params.yaml"
        params.write_text(outside(params.read_text()))
        steps(
            laptop, address, "make pipeline gate",
            "git add --all && git commit --quiet --message 'Data from outside'",
            f"{LOOP} registry register",
            f"{LOOP} registry assign latest --why 'data from outside'",
            f"{LOOP} store push --runs", "git push --quiet origin main --tags",
        )  # fmt: skip
        Path(SOURCE).expanduser().unlink()

    return made(shared / "scenes" / "retrained", champion, registry, build)


def of_a_database(params: str) -> str:
    """Return parameters whose source is a query."""
    found = yaml.safe_load(params)
    found["source"] = {"kind": "sql", "query": "rows.sql", "fingerprint": "data/source.json"}
    return yaml.safe_dump(found, sort_keys=False)


def queried(champion: Path, shared: Path, registry: Callable, url: str) -> Path:
    """Let the champion's rows come from a database at a URL."""

    def build(laptop: Path, address: str) -> None:
        params = laptop / "params.yaml"
        params.write_text(of_a_database(params.read_text()))
        (laptop / "rows.sql").write_text("SELECT * FROM flights\n")
        steps(
            laptop, address, f"DATABASE_URL='{url}' make pipeline",
            "git add --all && git commit --quiet --message 'Rows of a database'",
            f"{LOOP} store push --runs", "git push --quiet origin main",
        )  # fmt: skip

    return made(shared / "scenes" / "queried", champion, registry, build)


def released(base: Path, shared: Path, registry: Callable) -> Path:
    """Add the images of both versions, and let the tag production name the second."""

    def build(laptop: Path, address: str) -> None:
        image = address.partition("://")[2]
        steps(laptop, address, "make .venv")
        for version in ("v1.0.0", "v1.1.0"):
            name, digest = f"{image}:{version}", "'{{index .RepoDigests 0}}'"
            steps(
                laptop, address, f"{LOOP} registry fetch {version}",
                f"docker build --quiet --build-arg MODEL_VERSION={version} --tag {name} "
                f"--build-arg BUNDLE_ID=$({ID}) .",
                f"docker push --quiet {name}",
                f"{LOOP} registry assign {version} --why image --push "
                f"--image $(docker image inspect --format {digest} {name} | sed 's/.*@//')",
            )  # fmt: skip
        steps(laptop, address, f"{LOOP} deploy latest", f"docker image rm {image}:v1.{{0,1}}.0")

    return made(shared / "scenes" / "released", base, registry, build)


def arrive(source: Path, month: Path, change: Callable[[str], str] = lambda text: text) -> None:
    """Let a month of data arrive in the source."""
    (source / month.name).write_text(change(month.read_text()))


def hold(world) -> None:
    """Let a person hold v1.0.0 in production."""
    assign(world, "v1.0.0", why="bad", hold=True)


def assign(world, version: str, **facts) -> None:
    """Let the ledger say that a version went into production, with these facts."""
    tags = world.git("tag", "--list", "model#production#*").split()
    note = json.dumps({"who": "A tester", "version": version} | facts)
    tag = f"model#production#{len(tags) + 1}"
    world.git("tag", "--annotate", "--message", note, tag, f"model@{version}^{{}}")
    world.git("push", "--quiet", "origin", tag)


def package(world, untag: tuple[str, ...]) -> str:
    """Let GitHub list what its registry holds, old all of it, and an index that nothing names.

    Returns the digest of that index; `untag` are tags that are gone.
    """
    storage = world.folder / "registry/docker/registry/v2"
    kept = storage / "repositories" / REPOSITORY / "_manifests"
    for tag in untag:
        shutil.rmtree(kept / "tags" / tag)
    data = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": []}).encode()
    rest = hashlib.sha256(data).hexdigest()
    files = {storage / "blobs/sha256" / rest[:2] / rest / "data": data}
    files[kept / "revisions/sha256" / rest / "link"] = f"sha256:{rest}".encode()
    for path, content in files.items():
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
    tags = {tag.name: (tag / "current/link").read_text() for tag in (kept / "tags").iterdir()}
    digests = [f"sha256:{path.name}" for path in (kept / "revisions/sha256").iterdir()]
    names = [[tag for tag, named in tags.items() if named == digest] for digest in digests]
    store = world.github.store
    add_package(store, REPOSITORY.partition("/")[2], *names)
    rows = sorted(store.all("versions"), key=lambda row: row["id"])
    for row, digest in zip(rows, digests, strict=True):
        store.get("versions", row["id"]).update(name=digest, updated_at="2026-01-01T00:00:00Z")
    return f"sha256:{rest}"


def sign(world, digest: str, **claims: str) -> None:
    """Let GitHub hold an attestation of an image, signed by a job of the workflow release."""
    job = rights.for_job("release/build", {"id-token": "write"}, False, claims)
    certificate = identity.signed(identity.claims(world.github, job, "sigstore"))
    subject = [{"name": "image", "digest": {"sha256": digest.removeprefix("sha256:")}}]
    statement = {"subject": subject, "predicateType": "https://slsa.dev/provenance/v1"}
    payload = base64.b64encode(json.dumps(statement).encode()).decode()
    bundle = {"verificationMaterial": {"certificate": {"rawBytes": certificate}}}
    bundle["dsseEnvelope"] = {"payload": payload}
    world.github.store.add("attestations", digest, {"bundle": bundle, "digests": [digest]})
