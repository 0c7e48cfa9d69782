"""Tests of a stage that looks for the server of its run."""

from __future__ import annotations

import os

from mlops_loop import fork_client


def test_other_commands_run_themselves(monkeypatch):
    """And programs that they start do not see the server."""
    monkeypatch.setenv(fork_client.ADDRESS, "/nowhere")
    assert fork_client.ask("gate") is None
    assert fork_client.ADDRESS not in os.environ


def test_without_its_server_a_stage_runs_itself(monkeypatch):
    """The server was killed: the file is there, and nobody listens."""
    monkeypatch.setenv(fork_client.ADDRESS, "/nowhere")
    assert fork_client.ask("train") is None
