"""A model's life: pipeline, delivery, serving. Start at `cli.py` or `dvc.yaml`."""
