"""A message in a queue of NATS leads to a run of retrain, by the bridge that the project has."""

import asyncio
import os
import signal
import socket
import subprocess
import time

import nats
import pytest
from conftest import TEMPLATE, check, require_tool

from .double import Double

REPOSITORY = "octo-org/flight-delays"
BRIDGE = TEMPLATE / "loop" / "tools" / "nats_bridge.py"
HOSTILE = '"}}; touch pwned; $(touch pwned)\n::set-output name=a::b ' + "x" * 300


@pytest.fixture
def github(tmp_path):
    """Return a double that has the template's own workflow retrain on main."""
    work, bare = tmp_path / "work", tmp_path / "origin.git"
    folder = work / ".github" / "workflows"
    folder.mkdir(parents=True)
    for name in ("retrain", "rollback"):
        source = TEMPLATE / ".github" / "workflows" / f"{name}.yml"
        (folder / source.name).write_text(source.read_text())
    check("git", "init", "--quiet", "--initial-branch=main", work, cwd=tmp_path)
    check("git", "add", ".", cwd=work)
    check("git", "commit", "--quiet", "-m", "Start", cwd=work)
    check("git", "clone", "--quiet", "--bare", work, bare, cwd=tmp_path)
    with Double(REPOSITORY, private=True, origin=bare) as double:
        yield double


@pytest.fixture
def queue(tmp_path):
    """Return the address of a NATS server with the stream DATA."""
    program = require_tool("nats-server")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    options = ["--addr", "127.0.0.1", "--port", str(port), "--jetstream"]
    command = [program, *options, "--store_dir", tmp_path / "nats"]
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    url = f"nats://127.0.0.1:{port}"

    async def stream(js):
        await js.add_stream(name="DATA", subjects=["data.>"])

    for _ in range(100):
        with socket.socket() as probe:
            if not probe.connect_ex(("127.0.0.1", port)):
                break
        time.sleep(0.05)
    asyncio.run(within(url, stream))
    yield url
    server.terminate()
    server.wait(timeout=10)


async def within(url, work):
    """Do something with JetStream of a server."""
    client = await nats.connect(url)
    try:
        return await work(client.jetstream())
    finally:
        await client.close()


def publish(url, *texts):
    """Put messages into the queue."""

    async def send(js):
        for text in texts:
            await js.publish("data.arrived", text.encode())

    asyncio.run(within(url, send))


def waiting(url):
    """Return how many messages the bridge has not acknowledged."""

    async def count(js):
        facts = await js.consumer_info("DATA", "retrain")
        return facts.num_pending + facts.num_ack_pending

    return asyncio.run(within(url, count))


@pytest.fixture
def bridge(github, queue):
    """Give a function that starts the bridge with a token; all are ended afterwards."""
    running = []

    def start(token):
        env = {"NATS_URL": queue, "NATS_STREAM": "DATA", "NATS_SUBJECT": "data.arrived"}
        env |= {"GITHUB_REPOSITORY": REPOSITORY, "GITHUB_TOKEN": token}
        env |= {"GITHUB_API_URL": github.api_url}
        command = [require_tool("uv"), "run", "--quiet", "--script", BRIDGE]
        process = subprocess.Popen(
            command, env=os.environ | env, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        running.append(process)
        return process

    yield start
    for process in running:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


def dispatched(github):
    """Return the workflows that were started, with what they were told."""
    rows = reversed(github.store.all("events"))
    return [(row["workflow"], row["client_payload"]) for row in rows]


def test_a_message_starts_retraining(github, queue, bridge):
    """One run for all messages that wait; the text is data, and is cut."""
    publish(queue, "prices of April", HOSTILE)
    process = bridge(github.token("bridge/send", {"contents": "write"}))
    assert process.stdout.readline() == "retrain, for 2 messages\n"
    assert dispatched(github) == [("retrain.yml", {"reason": HOSTILE[:200]})]
    publish(queue, "prices of May")
    assert process.stdout.readline() == "retrain, for 1 messages\n"
    assert dispatched(github)[1] == ("retrain.yml", {"reason": "prices of May"})
    for _ in range(100):
        if not waiting(queue):
            break
        time.sleep(0.05)
    assert not waiting(queue)


def test_a_message_stays_until_github_takes_it(github, queue, bridge):
    """A token without the right: nothing is lost, and a bridge with the right one goes on."""
    publish(queue, "prices of May")
    process = bridge(github.token("bridge/send", {"contents": "read"}))
    assert "GitHub: HTTP Error 403" in process.stdout.readline()
    assert dispatched(github) == []
    time.sleep(1)  # for an acknowledgement on its way
    assert waiting(queue) == 1
