"""Docker's command line on this machine, and the login that it needs for an image."""

from __future__ import annotations

import subprocess

from mlops_loop.errors import UsageError
from mlops_loop.storage.login import given
from mlops_loop.text import printable


def run(*args: str, text: str = "") -> str:
    """What `docker` prints; raises UsageError where it is missing or fails."""
    try:
        done = subprocess.run(["docker", *args], input=text, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise UsageError("docker is not installed, and this command needs it.") from error
    if done.returncode:
        raise UsageError(f"docker {args[0]}: {printable(done.stderr)}. Next: make image")
    return done.stdout.strip()


def login(image: str) -> None:
    """Log in to the image's registry where a job has its password; a person has done so before."""
    host = image.partition("/")[0]
    if "@" in image and (account := given(host, "IMAGE")):
        user, password = account
        run("login", host, "--username", user or "token", "--password-stdin", text=password)
