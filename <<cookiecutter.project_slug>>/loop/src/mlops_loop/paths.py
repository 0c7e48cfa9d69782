"""Where the loop reads and writes, relative to the project's root folder."""

from __future__ import annotations

from pathlib import Path

PARAMS = Path("params.yaml")
STAGES = Path("dvc.yaml")
GATE_POLICY = Path("gate.yaml")
MONITOR_CONFIG = Path("monitor.yaml")

SOURCE_STATE = Path("data/source.json")  # what `fingerprint` writes; committed
ANCHORS = Path("data/anchors.json")  # what `anchors` writes, and `train` reads; committed
INGESTED = Path("data/ingested.parquet")
VALIDATED = Path("data/validated.parquet")
QUARANTINE = Path("data/quarantine.parquet")
PREPARED = Path("data/prepared")
TRAIN = PREPARED / "train.parquet"
VALIDATION = PREPARED / "validation.parquet"
HOLDOUT = PREPARED / "holdout.parquet"
SPLIT_RULE = PREPARED / "split.json"

TRAINED_PIPELINE = Path("models/trained/pipeline.skops")
TRAINED_CONTRACT = Path("models/trained/contract.json")
EXPORTED = Path("models/exported")
BUNDLE = Path("models/bundle")

REPORTS = Path("reports")
VALIDATION_REPORT = REPORTS / "validation.json"
PREPARATION_REPORT = REPORTS / "preparation.json"
TRAINING_REPORT = REPORTS / "training.json"
EXPORT_REPORT = REPORTS / "export.json"
EVALUATION_REPORT = REPORTS / "evaluation.json"
METRICS = REPORTS / "metrics.json"
PLOTS = REPORTS / "plots"
VERDICT = REPORTS / "gate.json"
CHAMPION_FACTS = REPORTS / "champion.json"
MEASUREMENTS = REPORTS / "budgets.json"  # of the container, by `verify-image`
MONITOR_REPORT = REPORTS / "monitor.json"
DASHBOARD = REPORTS / "dashboard.html"
SITE = REPORTS / "site"  # what Pages show: the dashboard alone
STOPPED = REPORTS / "stopped.json"  # the error that ended a workflow's job
REPORT = REPORTS / "report.md"
PROFILE = REPORTS / "profile.html"

SEARCH_CACHE = Path("build/search")
CHAMPION = Path("build/champion")
VERSIONS = Path("build/versions")  # bundles that were fetched to predict with
ENDPOINTS = Path("build/endpoints")  # of running ones: where their key is
HISTORY = Path("build/history")  # of days of production, where no store is known
