"""Every error that a user can act on, and the exit code that it leads to.

    ProjectError                     70   a bug: please report it
    |-- UsageError                   64   wrong call, parameter file or name
    |-- DataRefused                   3   the data break the schema or the rules
    |-- ExportDisagrees               4   the exported model answers differently
    |-- SmokeFailed                   5   a running endpoint answers wrongly
    |-- StoreUnreachable              6   stored objects cannot be read or written
    |-- NoValidBundle                 7   no bundle, or one that was tampered with
    |-- GitHubRefused                10   GitHub's API says no, or nothing
    |-- LogUnavailable               11   the prediction log cannot be read or written
    |-- NotAttested                  12   the release did not sign this image
    |-- WebhookRefused               13   the monitor's webhook says no, or nothing
    |-- TrackerUnavailable           14   a tracker of experiments says no, or nothing
    `-- ClusterRefused               15   Kubernetes says no, or nothing

A gate's verdict is no error: REJECT exits with 1, HOLD with 2. A message says what happened, the
value, what is allowed, and the next command. Only `cli.main` turns errors into exits.
"""

from __future__ import annotations


class ProjectError(Exception):
    """Base of all errors below; `exit_code` is that of the command line."""

    exit_code = 70

    @property
    def name(self) -> str:
        """That of the class above which has its exit code: what people read and look up."""
        return next(kind.__name__ for kind in type(self).__mro__ if "exit_code" in vars(kind))


class UsageError(ProjectError):
    """A wrong call: an argument, a parameter file or a name that does not exist."""

    exit_code = 64


class CannotFit(UsageError):
    """A model refuses the rows that it was given: another candidate may take them."""


class NoStoreKnown(UsageError):
    """Nothing names a store: a laptop may go on without one."""


class DataRefused(ProjectError):
    """The data break the schema, or too few rows are left to go on."""

    exit_code = 3


class ExportDisagrees(ProjectError):
    """The exported model and the trained pipeline differ on a row, held out or made."""

    exit_code = 4


class SmokeFailed(ProjectError):
    """A running endpoint is missing, not ready, or gives other answers than the gate saw."""

    exit_code = 5


class StoreUnreachable(ProjectError):
    """The store is down or refuses, or an object that a version needs is missing.

    `status` is the HTTP status of a refusal, None where there was none.
    """

    exit_code = 6
    status: int | None = None


class StoreNotThere(StoreUnreachable):
    """A registry refuses reading as for what does not exist: right before anything was stored."""


class NoJobToken(StoreUnreachable):
    """GitHub signs no token for this job, by which it would log in to the store's cloud."""


class NoValidBundle(ProjectError):
    """There is no model bundle, or its files do not match its manifest."""

    exit_code = 7


class GitHubRefused(ProjectError):
    """GitHub's API refuses a request, or cannot be reached.

    `status` is the HTTP status of the answer, None where there was none.
    """

    exit_code = 10

    def __init__(self, message: str, status: int | None = None):
        super().__init__(message)
        self.status = status


class NotOnPlan(GitHubRefused):
    """GitHub does not sell this feature for a repository of this kind on this plan."""


class LogUnavailable(ProjectError):
    """The prediction log is down, full or behind: what it cannot keep is not predicted."""

    exit_code = 11


class NotAttested(ProjectError):
    """An image lacks the signature of the workflow that builds it, or it cannot be verified."""

    exit_code = 12


class WebhookRefused(ProjectError):
    """The monitor's webhook refuses a notice, or cannot be reached."""

    exit_code = 13


class TrackerUnavailable(ProjectError):
    """A tracker of experiments refuses a run, is too slow, or cannot be reached."""

    exit_code = 14


class ClusterRefused(ProjectError):
    """The API of a Kubernetes cluster refuses a request, or cannot be reached."""

    exit_code = 15
