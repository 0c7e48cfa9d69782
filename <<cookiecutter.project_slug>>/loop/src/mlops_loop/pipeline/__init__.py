"""The DVC stages, in order: ingest, validate, prepare, train, export, evaluate.

Each module computes in pure functions and has one `run` that opens, calls and saves.
"""
