"""The `estimators.py` of each task, as a project begins with it; for one that changes its task.

A test of the template holds them equal to the files that a project is generated with.
"""
