"""The exit codes of each command beside 0: its verdicts, and the errors that it may raise.

Any command may also exit with 64 (UsageError) and with 70 (a bug). loop/docs/commands.md is made
from these tables.
"""

from __future__ import annotations

from mlops_loop.errors import (
    ClusterRefused,
    DataRefused,
    ExportDisagrees,
    GitHubRefused,
    LogUnavailable,
    NotAttested,
    NoValidBundle,
    ProjectError,
    SmokeFailed,
    StoreUnreachable,
    TrackerUnavailable,
    WebhookRefused,
)

VERDICTS = {
    "repro": {255: "DVC's: a stage failed"},
    "gate": {1: "REJECT", 2: "HOLD"},
    "predict": {1: "some rows were refused"},
    "monitor": {8: "alarm", 9: "cannot tell"},
    "doctor": {1: "something required is missing", 9: "cannot tell"},
}

ERRORS: dict[str, tuple[type[ProjectError], ...]] = {
    "repro": (),
    "fingerprint": (DataRefused,),
    "ingest": (DataRefused,),
    "validate": (DataRefused,),
    "prepare": (DataRefused,),
    "train": (DataRefused,),
    "export": (ExportDisagrees,),
    "evaluate": (DataRefused, NoValidBundle),
    "profile": (),
    "schema": (DataRefused,),
    "gate": (DataRefused, NoValidBundle),
    "anchors": (StoreUnreachable, NoValidBundle),
    "kubeflow": (),
    "report": (NoValidBundle,),
    "comment": (GitHubRefused,),
    "check-review": (NoValidBundle, GitHubRefused),
    "publish": (NoValidBundle, StoreUnreachable, TrackerUnavailable),
    "registry": (StoreUnreachable, NoValidBundle),
    "store": (StoreUnreachable,),
    "cloud": (StoreUnreachable, GitHubRefused),
    "smoke": (SmokeFailed, NoValidBundle),
    "follow": (SmokeFailed, StoreUnreachable, NotAttested, ClusterRefused),
    "image-tag": (StoreUnreachable, NoValidBundle, GitHubRefused),
    "verify-image": (SmokeFailed, NoValidBundle),
    "deploy": (SmokeFailed, StoreUnreachable, NoValidBundle, GitHubRefused),
    "rollback": (SmokeFailed, StoreUnreachable, NoValidBundle),
    "incident": (GitHubRefused,),
    "verify-attestation": (StoreUnreachable, GitHubRefused, NotAttested),
    "clean-images": (StoreUnreachable, GitHubRefused),
    "retrain": (StoreUnreachable, NoValidBundle, GitHubRefused),
    "monitor": (GitHubRefused, WebhookRefused),
    "feedback": (DataRefused, StoreUnreachable, NoValidBundle, GitHubRefused, LogUnavailable),
    "doctor": (GitHubRefused,),
    "harden": (GitHubRefused,),
    "log": (LogUnavailable,),
    "predict": (DataRefused, StoreUnreachable, NoValidBundle),
    "serve": (NoValidBundle,),
}


def of(command: str) -> dict[int, str]:
    """The exit codes of a command in ascending order, with what each means."""
    codes = VERDICTS.get(command, {}) | {e.exit_code: e.__name__ for e in ERRORS[command]}
    return dict(sorted(codes.items()))
