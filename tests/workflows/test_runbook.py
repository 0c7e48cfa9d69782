"""The runbook: each problem is made, seen in its own words, and ended by the commands of its page.

The commands are typed by a person on a laptop with a clone of the repository. What a command prints
is what counts: the words before the commands must be seen, and those after them at the end.
"""

import json
import os
import pwd
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import DEFAULTS, TEMPLATE, check, locked, run
from documents import problems, says

from . import alarms, scenes
from .conftest import free_port
from .endpoint import following
from .test_monitor import issues, switch_off
from .test_release import ledger, pointer
from .test_release_failures import wrong
from .world import World

PAGE = Path("loop", "docs", "runbook.md")
TITLES = list(problems(TEMPLATE / PAGE))
LOOP = "uv run --frozen loop"
AS_ROOT = "sudo -n" if os.geteuid() else ""


class Person:
    """Somebody who types commands on the laptop of a world, logged in to registry and GitHub."""

    def __init__(self, world: World, environment: Path):
        """Log in; the home holds an identity, the source of data, and Docker's plugins."""
        self.world, self.folder, self.address = world, world.laptop, world.registry.address
        self.token, home = world.github.person("ada"), world.folder / "home"
        (home / ".docker").mkdir(parents=True)
        plugins = Path(pwd.getpwuid(os.getuid()).pw_dir) / ".docker" / "cli-plugins"
        if plugins.exists():
            (home / ".docker" / "cli-plugins").symlink_to(plugins)
        (home / "source").symlink_to(world.folder / "source")
        shutil.copy(Path.home() / ".gitconfig", home)
        self.env = scenes.places(world.registry.url) | world.github.environment(self.token)
        self.env |= {"HOME": str(home), "DOCKER_CONFIG": str(home / ".docker")}
        self.env |= {"STORE_USERNAME": "ada", "STORE_PASSWORD": self.token}
        self.env |= {"NEW_PASSWORD": self.token, "USER_NAME": "ada", "PROJECT": "flight-delays"}
        (self.folder / ".venv").symlink_to(environment)

    def says(self, command: str, succeed: bool = False) -> str:
        """Type a command and return what it prints."""
        done = run("bash", "-c", command, cwd=self.folder, env=self.env)
        assert done.returncode == 0 or not succeed, command + done.stdout + done.stderr
        return done.stdout + done.stderr

    def loop(self, text: str) -> str:
        """Type a command of the loop."""
        return self.says(f"{LOOP} {text}")

    def python(self, code: str) -> None:
        """Let the loop's own code do what no command does."""
        self.says(f"uv run --frozen python -c '{code}'", succeed=True)

    def commit(self, name: str, edit: Callable[[str], str]) -> None:
        """Change a file, and commit that."""
        path = self.folder / name
        path.write_text(edit(path.read_text()))
        check("git", "commit", "--quiet", "--all", "--message", "A change", cwd=self.folder)


@pytest.fixture(scope="session")
def environment(baked, shared: Path, worker_id: str) -> Path:
    """Return the libraries that the commands need, installed once a worker."""
    folder = shared / f"runbook-{worker_id}"
    places = os.environ | {"UV_PROJECT_ENVIRONMENT": str(folder)}
    with locked(shared / "runbook.lock"):
        check("uv", "sync", "--frozen", "--quiet", cwd=baked(DEFAULTS), env=places)
    return folder


@pytest.fixture
def person(world, environment: Path) -> Iterator[Callable[..., Person]]:
    """Give a function: `person("released")` sits at the laptop of that scene."""
    seated = []

    def sit(scene: str = "champion", **options) -> Person:
        seated.append(Person(world(scene, **options), environment))
        return seated[-1]

    yield sit
    for each in seated:
        if "COMPOSE_PROJECT_NAME" in each.env:
            each.says("docker compose down --timeout=5 --volumes", succeed=True)
        if "DISK" in each.env:
            each.says(f'{AS_ROOT} umount --lazy "$DISK"', succeed=True)


# Each gives the person, what is seen, and, where commands alone do not end it, what happens first.


def rejected(person):
    """Raise a floor beyond what the model reaches."""
    ada = person("retrained")
    ada.loop("registry fetch v1.0.0")
    ada.commit("gate.yaml", lambda text: text.replace("roc_auc: 0.62", "roc_auc: 0.99"))
    return ada, ada.says("make gate")


def held_back(person):
    """Want more rows than there are."""
    ada = person("retrained")
    ada.loop("registry fetch v1.0.0")
    ada.commit("gate.yaml", lambda text: text.replace("min_rows: 500 ", "min_rows: 500000 "))
    return ada, ada.says("make gate")


def bad_data(person):
    """Let a month have distances below nought."""
    ada = person()
    name = min((ada.folder / "data" / "raw").glob("*.csv")).relative_to(ada.folder)
    ada.commit(str(name), nonsense)
    return ada, ada.says("make pipeline")


def nonsense(table: str) -> str:
    """Return a month whose flights have a distance below nought."""
    head, *rows = table.splitlines()
    at = head.split(",").index("distance")
    cells = [row.split(",") for row in rows]
    return "\n".join([head, *(",".join([*row[:at], "-5", *row[at + 1 :]]) for row in cells), ""])


def no_champion(person):
    """Lose the cache, and with it the champion."""
    ada = person("retrained")
    ada.loop("registry fetch v1.0.0")
    shutil.rmtree(ada.folder / ".dvc" / "cache")
    return ada, ada.says("make gate")


def stale_lock(person):
    """Let a first model pass the gate, and nobody commit the lock."""
    ada, done = person("begun"), person("champion")
    shutil.copytree(done.folder / ".dvc" / "cache", ada.folder / ".dvc" / "cache")
    ada.says("make pipeline gate")
    return ada, ada.loop("registry register")


def bad_container(person):
    """Let the endpoint's code answer wrongly."""
    ada = person("released")
    ada.loop("registry fetch")
    for name, edit in wrong().items():
        ada.commit(name, edit)
    ada.says("make image")
    return ada, ada.loop("verify-image flight-delays")


def answered(ada: Person, command: str, broken: str) -> str:
    """Give what a command says of an endpoint that answers wrongly with one version's image."""
    images = images_of(ada)
    tags = {
        name: check("git", "tag", "--list", f"model@{name}", "--format=%(contents)", cwd=ada.folder)
        for name in images
    }
    bundles = {images[name]: json.loads(note)["bundle_id"] for name, note in tags.items()}
    ada.loop(f"registry fetch {broken}")
    model = ada.folder / "models" / "bundle"
    with following(ada.world, model, bundles, {images[broken]}) as url:
        return ada.loop(command.format(url=url))


def images_of(ada: Person) -> dict[str, str]:
    """Return the digests of both versions' images."""
    first, second = (n["image_digest"] for n in ledger(ada.world) if n["why"] == "image")
    return {"v1.0.0": first, "v1.1.0": second}


def reverted(person):
    """Let the endpoint answer wrongly as soon as it follows the release."""
    ada = person("released")
    ada.loop("rollback --no-hold --why late")
    return ada, answered(ada, "deploy v1.1.0 --url {url} --timeout-s 5", "v1.1.0")


def wrong_answers(person):
    """Let the endpoint answer wrongly."""
    ada = person("released")
    return ada, answered(ada, "smoke {url}", "v1.1.0")


def move_pointer(person):
    """Sit at the laptop of a world whose pointer names what ran before."""
    ada = person("released")
    old = images_of(ada)["v1.0.0"]
    code = "from mlops_loop.deployment.image import Image; from pathlib import Path;"
    ada.python(f'{code} Image(Path()).point("{old}")')
    assert pointer(ada.world) == old
    return ada


def killed(person):
    """Push an assignment, and let the pointer name what ran before."""
    ada = move_pointer(person)
    return ada, ada.loop("rollback --why late")


def disagree(person):
    """Let somebody move the pointer."""
    ada = move_pointer(person)
    return ada, ada.loop("registry show")


def held(person):
    """Let somebody roll back, and a release come."""
    ada = person("released")
    ada.loop("rollback --why 'late answers'")
    return ada, ada.loop("deploy latest")


def host(person):
    """Let the image of production have no model, and then have one again."""
    ada = person("released")
    image, good = f"{ada.address}/octo-org/flight-delays", pointer(ada.world)
    login = f'echo "$NEW_PASSWORD" | docker login {ada.address} --username ada --password-stdin'
    recipe = f"printf 'FROM {image}@{good}\nENV BUNDLE_DIR=/tmp\n'"
    ada.says(login, succeed=True)
    build = f"{recipe} | docker build --quiet --tag {image}:production -"
    ada.says(f"{build} && docker push --quiet {image}:production", succeed=True)
    ada.folder = ada.folder / "deploy" / "host"
    port = str(free_port())
    ada.env |= {"IMAGE": image, "PUBLISHED_PORT": port, "COMPOSE_PROJECT_NAME": f"host-{port}"}
    seen = ada.says("./pull.sh")
    ada.says(f"cd ../..; {LOOP} deploy v1.1.0", succeed=True)
    return ada, seen


FULL_LOG = """
import asyncio, contextlib, json, os, time
from mlops_loop.errors import LogUnavailable
from mlops_loop.prediction_log import log as logs

log, now = logs.PredictionLog(os.environ["LOG_URL"]), time.time_ns
def put(age_days, n, size):
    logs.time.time_ns = lambda: now() - age_days * 86_400 * 10**9
    for _ in range(n):
        log.put("v1.0.0", 0.001, None, [{"x": "x" * size}], b"[{}]")
    logs.time.time_ns = now
put(100, 200, 10_000)
log.start()
while log.queued: time.sleep(0.02)
with contextlib.suppress(OSError), open(os.environ["DISK"] + "/other", "wb", 0) as other:
    while True: other.write(b"x" * 4096)
put(0, 60, 100_000)
while not log.reason: time.sleep(0.02)
try: asyncio.run(log.admit())
except LogUnavailable as error: print(error)
os._exit(0)
"""


def full_disk(person):
    """Let another program take all that is left of the disk of the log."""
    ada = person()
    disk = ada.world.folder / "disk"
    disk.mkdir()
    ada.env |= {"DISK": str(disk), "LOG_URL": f"sqlite:///{disk}/log.sqlite"}
    options = f"size=24m,uid={os.geteuid()}"
    ada.says(f'{AS_ROOT} mount -t tmpfs -o {options} tmpfs "$DISK"', succeed=True)
    (ada.folder / "fill.py").write_text(FULL_LOG)
    return ada, ada.says("uv run --frozen python fill.py", succeed=True)


def down(person):
    """Let the registry drop every connection, and then be well again."""
    ada = person()
    ada.world.registry.down()
    return ada, ada.loop("store status"), ada.world.registry.up


def password(person):
    """Let the old password be worth nothing any more."""
    ada = person(private=True)
    ada.env["STORE_PASSWORD"] = "ghp_old"  # noqa: S105  # worth nothing
    seen = ada.loop("store status")
    del ada.env["STORE_USERNAME"], ada.env["STORE_PASSWORD"]
    return ada, seen


def full(person):
    """Let the registry take nothing any more, and then do so."""
    ada = person("retrained")
    ada.says("echo x > data/x.csv && uv run --frozen dvc add --quiet data/x.csv", succeed=True)
    ada.world.github.fail("POST", "/v2/.*", 507, times=9)
    return ada, ada.loop("store push"), ada.world.registry.up


def damaged(person):
    """Lose the largest blob of the store on the registry's disk; the laptop has its files."""
    ada = person("retrained")
    ada.loop("store push --runs")
    disk = ada.world.folder / "registry"
    ours = {link.parent.name for link in disk.rglob("store/_layers/sha256/*/link")}
    blobs = [p for p in disk.rglob("blobs/sha256/*/*/data") if p.parent.name in ours]
    shutil.rmtree(max(blobs, key=lambda p: p.stat().st_size).parent)
    kept = (ada.folder / ".dvc" / "cache").rename(ada.folder / ".dvc" / "kept")
    seen = ada.loop("store pull")

    def find() -> None:
        shutil.rmtree(ada.folder / ".dvc" / "cache")
        kept.rename(ada.folder / ".dvc" / "cache")

    return ada, seen, find


def lost_tags(person):
    """Lose half of the tags here, and the other half at origin."""
    ada = person("released")
    for folder, kind in ((ada.folder, "model#*"), (ada.world.origin, "model@*")):
        tags = check("git", "tag", "--list", kind, cwd=folder).split()
        check("git", "tag", "--delete", *tags, cwd=folder)
    return ada, ada.loop("registry show")


def untold(person):
    """Lose the cache, and with it the model in production."""
    ada = person()
    shutil.rmtree(ada.folder / ".dvc" / "cache")
    return ada, ada.loop("monitor evaluate")


def stale(person):
    """Let the model be older than monitor.yaml allows."""
    ada = person()
    ada.commit("monitor.yaml", lambda text: text.replace("stale_days: 30", "stale_days: 0.00001"))
    return ada, ada.loop("monitor evaluate")


def stopped(person):
    """Let three models be refused; then a person closes the issue that tells it."""
    ada = person()
    code = "from mlops_loop.github import api, issues; r = api.Repository();"
    call = (
        'issues.open_or_update(r, "retrain", "retrain-refused", "Refused", f"REJECT {n}", str(n))'
    )
    ada.python(f"{code} [{call} for n in range(3)]")

    def close() -> None:
        (issue,) = issues(ada.world)
        ada.world.github.store.get("issues", issue["number"])["state"] = "closed"

    return ada, ada.loop("retrain guard"), close


def schedule_off(person):
    """Let GitHub switch a schedule off."""
    ada = person()
    switch_off(ada.world, "monitor.yml", "disabled_inactivity")
    return ada, ada.loop("doctor")


SCENES = {
    "The gate says REJECT": rejected,
    "The gate says HOLD": held_back,
    "Data are refused": bad_data,
    "The champion cannot be read": no_champion,
    "The lock is stale": stale_lock,
    "The container is refused": bad_container,
    "A release was reverted": reverted,
    "The champion has changed": alarms.overtaken,
    "A run was killed": killed,
    "Production is held": held,
    "Production answers wrongly": wrong_answers,
    "The host does not follow": host,
    "The disk of the log is full": full_disk,
    "The registry is down": down,
    "A password was changed": password,
    "The registry is full": full,
    "The store is damaged": damaged,
    "Tags are lost": lost_tags,
    "Ledger and pointer disagree": disagree,
    "Data in production are broken": alarms.broken,
    "Inputs have drifted": alarms.drifted,
    "The loss has risen": alarms.harmed,
    "Harm is proven": alarms.proven,
    "The volume has changed": alarms.fewer,
    "Outcomes have stopped": alarms.no_outcomes,
    "Training data are old": alarms.old_data,
    "No rows come": alarms.silence,
    "The monitor cannot tell": untold,
    "The model is stale": stale,
    "Retraining has stopped": stopped,
    "A schedule is off": schedule_off,
}


def test_every_section_is_tried_and_found():
    """Each heading has a scene, and a link in the table at the top; no link leads nowhere."""
    assert list(SCENES) == TITLES
    text = (TEMPLATE / PAGE).read_text(encoding="utf-8")
    head = text[: text.index("\n## ")]
    names = {title.lower().replace(" ", "-") for title in TITLES}
    assert set(re.findall(r"\(#([\w-]+)\)", head)) == names
    assert set(re.findall(r"\(#([\w-]+)\)", text)) == names


@pytest.mark.parametrize("title", TITLES)
def test_a_problem_is_seen_and_ended(baked, person, title):
    """In the words of its section, and by its commands as they stand."""
    problem = problems(baked(DEFAULTS) / PAGE)[title]
    ada, seen, *then = SCENES[title](person)
    assert says(problem.seen, seen), seen
    for happen in then:
        happen()
    lines = [line.replace("ghcr.io", ada.address) for line in problem.commands]
    printed = "".join(ada.says(line, succeed=True) for line in lines)
    assert says(problem.over, printed), printed


@pytest.mark.parametrize("title", TITLES)
def test_words_in_the_text_are_those_of_the_code(title):
    """What a section quotes besides stands in the code, but for numbers and `...`."""
    code = [*(TEMPLATE / "loop" / "src").rglob("*.py"), *(TEMPLATE / "deploy").rglob("*.sh")]
    text = "".join(path.read_text(encoding="utf-8") for path in code)
    prose = problems(TEMPLATE / PAGE)[title].prose
    for quoted in filter(re.compile(r"\s").search, prose.split("`")[1::2]):
        for part in re.split(r"\.\.\.|\d+", " ".join(quoted.split())):
            assert part in text, part
