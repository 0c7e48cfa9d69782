"""The loop: data to bundle, gate, registry, deployment, endpoint, monitoring. Start at `cli.py`."""
