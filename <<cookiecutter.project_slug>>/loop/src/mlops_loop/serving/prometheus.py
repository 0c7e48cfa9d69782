"""`/metrics` for Prometheus: requests, predictions, refused values, model, log, CPU and memory.

Every label has few values: routes and columns are known ones or `other`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import prometheus_client as prom
from fastapi import FastAPI, Response
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import Scope

from mlops_loop.access.open_connections import REASONS, OpenConnections
from mlops_loop.inference.model import Model
from mlops_loop.prediction_log.log import PredictionLog

BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
METHODS = {"GET", "HEAD", "POST"}


class Metrics:
    """The metrics of one app, collected in `registry`."""

    def __init__(self) -> None:
        registry = self.registry = prom.CollectorRegistry()
        prom.ProcessCollector(registry=registry)
        labels = ["method", "route", "status"]
        self._requests = prom.Counter(
            "http_requests", "Requests answered.", labels, registry=registry
        )
        self._seconds = prom.Histogram(
            "http_request_duration_seconds", "From the first byte in to the last byte out.",
            ["route"], buckets=BUCKETS_S, registry=registry,
        )  # fmt: skip
        self.predictions = prom.Counter("predictions", "Rows predicted.", registry=registry)
        labels = ["column", "problem"]
        self._refused = prom.Counter(
            "refused_values", "Values that break the contract, the first 20 of a request.",
            labels, registry=registry,
        )  # fmt: skip
        labels = ["version", "bundle", "task"]
        self._model = prom.Gauge("model_info", "The model that serves.", labels, registry=registry)
        self._children: dict[tuple[str, str, int], tuple[Callable, Callable]] = {}

    def serve(self, model: Model) -> None:
        """Report the model that serves from now on."""
        self._model.clear()
        self._model.labels(model.version, model.bundle.id, model.contract.task).set(1)

    def answered(self, scope: Scope, status: int, seconds: float) -> None:
        """Count and time an answer."""
        method, route = scope["method"], scope.get("route")
        key = method if method in METHODS else "other", getattr(route, "path", "other"), status
        if key not in self._children:  # a look-up of labels costs more than counting
            count = self._requests.labels(*key).inc
            self._children[key] = count, self._seconds.labels(key[1]).observe
        count, observe = self._children[key]
        count()
        observe(seconds)

    def refused(self, labels: Iterable[tuple[str, str]]) -> None:
        """Count refused values by column and problem, few of each."""
        for column, problem in labels:
            self._refused.labels(column, problem).inc()


class LogCollector(Collector):
    """The state of the prediction log, read when Prometheus asks."""

    def __init__(self, log: PredictionLog) -> None:
        self._log = log

    def collect(self) -> list[Metric]:
        log = self._log
        return [
            GaugeMetricFamily("prediction_log_queued_rows", "Not on disk yet.", log.queued),
            GaugeMetricFamily("prediction_log_up", "It can be written.", not log.reason),
            CounterMetricFamily("prediction_log_written_rows", "On disk.", log.written),
            CounterMetricFamily("prediction_log_waits", "Requests that waited.", log.waits),
            CounterMetricFamily("prediction_log_refused", "Requests refused.", log.refused),
            CounterMetricFamily("prediction_log_failures", "Failed transactions.", log.failures),
        ]


class ConnectionCollector(Collector):
    """The open connections, and those that were ended before their client had an answer."""

    def __init__(self, connections: OpenConnections) -> None:
        self._connections = connections

    def collect(self) -> list[Metric]:
        ended = CounterMetricFamily(
            "http_connections_ended", "Without an answer.", labels=["reason"]
        )
        for reason in REASONS:
            ended.add_metric([reason], self._connections.ended[reason])
        return [GaugeMetricFamily("http_connections", "Open.", len(self._connections)), ended]


def add_to(app: FastAPI) -> None:
    """Add `/metrics`."""
    metrics: Metrics = app.state.metrics
    metrics.registry.register(ConnectionCollector(app.state.connections))
    if app.state.log:
        metrics.registry.register(LogCollector(app.state.log))

    @app.get("/metrics", tags=["Endpoint"], summary="For Prometheus", response_class=Response)
    def _metrics() -> Response:
        return Response(prom.generate_latest(metrics.registry), media_type=prom.CONTENT_TYPE_LATEST)
