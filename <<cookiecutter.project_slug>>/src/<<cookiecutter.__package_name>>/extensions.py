"""Own sources, metrics, gate checks and trusted types, by name. Yours to edit.

Each table is empty until you add a function; loop/docs/extensions.md has an example for each.
"""

from __future__ import annotations

# source.kind in params.yaml -> function of the other keys of `source` that returns a table
SOURCES = {}

# name of a metric in params.yaml and gate.yaml -> mlops_loop.statistics.metrics.Metric
METRICS = {}

# key of own_checks in gate.yaml -> function(comparison, limit) that yields Check objects
CHECKS = {}

# full names of types that a skops file may hold; read their code before you add one
TRUSTED_TYPES = ()
