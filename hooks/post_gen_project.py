"""Finish the generated project: choose its files, lock it, put it under git, say what comes next.

cookiecutter renders this file and runs the copy inside the new project. Only the choice of files
must succeed; a missing git, uv, identity or network is said in one line, with what to do later.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ANSWERS = (
    r'{"project_slug": <<cookiecutter.project_slug|tojson>>,'
    r' "task": <<cookiecutter.task|tojson>>,'
    r' "dvc_remote": <<cookiecutter.dvc_remote|tojson>>,'
    r' "deploy_target": <<cookiecutter.deploy_target|tojson>>,'
    r' "license": <<cookiecutter.license|tojson>>,'
    # Only cruft records the template's commit among the answers.
    r' "cruft": <<cookiecutter._commit|default("")|tojson>>}'
)

TASKS = ["classification", "regression", "clustering"]
REMOTES = ["ghcr", "local", "s3", "gs", "azure", "ssh"]
TARGETS = ["host", "kubernetes", "kserve", "cloud-run"]
# One row a file or folder: the question whose answer chooses it, its name, the names that are
# offered, and the answers that have one; for any other answer it stays as it is, or there is none.
OPTIONS = [
    ("task", "gate.yaml", "gate.{}.yaml", TASKS),
    ("task", "src/{package}/estimators.py", "src/{package}/estimators.{}.py", TASKS),
    ("task", "src/{package}/schema.py", "src/{package}/schema.{}.py", TASKS[2:]),
    ("task", "src/{package}/features.py", "src/{package}/features.{}.py", TASKS[2:]),
    ("task", "data/anchors.json", "data/anchors.{}.json", TASKS[2:]),
    ("dvc_remote", ".dvc/config", ".dvc/{}.config", REMOTES),
    ("deploy_target", "deploy/{answer}", "deploy/{}", TARGETS),
    ("license", "LICENSE", "licenses/{}", ["MIT", "Apache-2.0", "BSD-3-Clause", "Proprietary"]),
]

# A machine without network should learn so in seconds, not after uv's own minutes of retrying.
UV_PATIENCE = {"UV_HTTP_TIMEOUT": "20", "UV_HTTP_RETRIES": "1"}
LOCK_TIMEOUT_S = 300
GIT_TIMEOUT_S = 60
# What a push cannot take back: see "On GitHub" in the project's README.
PUBLIC_DATA = (
    "Before the first push to GitHub: in a user's public repository everybody can read the store, "
    "so choose a private one, or another store, unless your data may be public."
)


def choose_files(project, answers):
    """Rename the files that the answers choose and remove those that they do not."""
    package = answers["project_slug"].replace("-", "_")
    for question, target, pattern, offered in OPTIONS:
        paths = {answer: project / pattern.format(answer, package=package) for answer in offered}
        answer = answers[question]
        if chosen := paths.pop(answer, None):
            chosen.replace(project / target.format(package=package, answer=answer))
        for other in paths.values():
            remove(other)
    (project / "licenses").rmdir()


def remove(path):
    """Remove a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def run(*command, timeout_s, extra_env=None):
    """Run a command quietly; return None when it worked, else the first line of its complaint."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            env={**(extra_env or {}), **os.environ},
        )
    except subprocess.TimeoutExpired:
        return f"no end after {timeout_s} s"
    except OSError as error:
        return error.strerror or str(error)
    if done.returncode == 0:
        return None
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return next((line for line in lines if line.startswith("error")), (lines or ["it failed"])[0])


def lock():
    """Make uv.lock; return one line when it could not be made."""
    later = "the first make in the project makes it"
    if not shutil.which("uv"):
        return f"uv is not installed, so there is no uv.lock yet: {later}."
    complaint = run("uv", "lock", "--quiet", timeout_s=LOCK_TIMEOUT_S, extra_env=UV_PATIENCE)
    return complaint and f"uv.lock was not made ({complaint}): {later}."


def start_repository(project):
    """Put the project under git with a first commit; return one line on what is missing."""
    later = "git init -b main && git add --all && git commit -m 'Start the project'"
    if not shutil.which("git"):
        return f"git is not installed, so there is no repository yet; later: {later}"
    if (project / ".git").exists():
        return "There is a git repository already: nothing was committed, see git status."
    complaint = run("git", "init", "--quiet", "-b", "main", timeout_s=GIT_TIMEOUT_S)
    if complaint:
        return f"git could not start a repository ({complaint}); later: {later}"
    # Without useConfigOnly, git would make up an address from the names of user and machine.
    if run("git", "-c", "user.useConfigOnly=true", "var", "GIT_AUTHOR_IDENT", timeout_s=5):
        return (
            "git does not know who you are, so nothing is committed yet; set user.name and "
            "user.email with git config --global, then: git add --all && git commit -m Start"
        )
    # A person's own list of ignored files must not thin out the first commit.
    for step in (
        ["-c", "core.excludesFile=", "add", "--all"],
        ["commit", "--quiet", "-m", "Start the project from its template"],
    ):
        complaint = run("git", *step, timeout_s=GIT_TIMEOUT_S)
        if complaint:
            return f"git made no first commit ({complaint}); later: git commit -m Start"
    return None


def next_commands(slug, cruft):
    """Return the three commands that a new owner types next."""
    first = "git init -b main && git add --all && git commit -m Start" if cruft else "make demo"
    second = "make demo" if cruft else "make test"
    return [f"cd {slug}", first, second]


def main():
    """Finish the project in the current folder."""
    answers = json.loads(ANSWERS)
    project = Path.cwd()
    try:
        choose_files(project, answers)
    except OSError as error:
        print(f"The project is not complete: {error.strerror}: {error.filename}", file=sys.stderr)
        return 1
    # cruft compares two generated folders file by file, and writes its own file after this hook:
    # a lock or a repository made here would be part of every difference that it shows.
    notes = [] if answers["cruft"] else [lock(), start_repository(project)]
    for note in filter(None, notes):
        print(f"Note: {note}")
    if answers["dvc_remote"] == "ghcr" and not answers["cruft"]:
        print(PUBLIC_DATA)
    print("The project is ready. Next:")
    for command in next_commands(answers["project_slug"], answers["cruft"]):
        print(f"  {command}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
