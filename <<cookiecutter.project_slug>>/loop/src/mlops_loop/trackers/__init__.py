"""Trackers: finished runs published to MLflow and TensorBoard, from the reports.

Publishing comes after the pipeline: inside of a stage, a result restored from the store would
publish nothing. Where to is in the environment, never in params.yaml, which changes the model.
"""
