# /// script
# requires-python = ">=3.11"
# dependencies = ["nats-py==2.16.0"]
#
# [tool.uv]
# exclude-newer = "2026-11-14T00:00:00Z"
# ///
"""Ask for retraining when messages arrive in a queue of NATS: see loop/docs/events.md.

    uv run --script loop/tools/nats_bridge.py

NATS_URL, NATS_STREAM and NATS_SUBJECT name the queue; GITHUB_REPOSITORY and GITHUB_TOKEN
(contents: write) the project. A message is data: its first 200 characters are the reason.
"""

import asyncio
import json
import os
import urllib.request

import nats

API = os.environ.get("GITHUB_API_URL", "https://api.github.com")
MESSAGES, WAIT_S, AGAIN_S, LONGEST = 100, 30, 60, 200


def dispatch(text: str) -> None:
    """Start the workflow retrain; raises OSError where GitHub does not take it."""
    body = {"event_type": "retrain", "client_payload": {"reason": text[:LONGEST]}}
    url = f"{API}/repos/{os.environ['GITHUB_REPOSITORY']}/dispatches"
    request = urllib.request.Request(url, json.dumps(body).encode(), method="POST")
    request.add_header("Authorization", f"Bearer {os.environ['GITHUB_TOKEN']}")
    request.add_header("Content-Type", "application/json")
    urllib.request.urlopen(request, timeout=30).close()


async def main() -> None:
    """One run for all messages that wait; they stay in the queue until GitHub has taken it."""
    client = await nats.connect(os.environ["NATS_URL"])
    queue = await client.jetstream().pull_subscribe(
        os.environ["NATS_SUBJECT"], durable="retrain", stream=os.environ["NATS_STREAM"]
    )
    while True:
        try:
            messages = await queue.fetch(MESSAGES, timeout=WAIT_S)
        except nats.errors.TimeoutError:
            continue
        try:
            dispatch(messages[-1].data.decode("utf-8", "replace"))
        except OSError as error:
            print(f"GitHub: {error}. Again in {AGAIN_S} s", flush=True)
            for message in messages:
                await message.nak(delay=AGAIN_S)
        else:
            print(f"retrain, for {len(messages)} messages", flush=True)
            for message in messages:
                await message.ack()


if __name__ == "__main__":
    asyncio.run(main())
