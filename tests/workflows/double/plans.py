"""What GitHub sells: features that a private repository lacks on cheaper plans."""

from fnmatch import fnmatchcase

from .calls import Refused

PAID = ("pro", "team", "enterprise")
UPGRADE = "Upgrade to GitHub Pro or make this repository public to enable this feature."
ATTEST = (
    "Feature not available for this organization. To enable this feature, please upgrade the "
    "billing plan, or make this repository public."
)
SCANNING = "Advanced Security must be enabled for this repository to use code scanning."
REVIEW = "Dependency review is not supported on this repository."
PAGES = "Your current plan does not support GitHub Pages for this repository."
# By operation: the plans that have it for private repositories, and what the others are told.
# https://docs.github.com/en/get-started/learning-about-github/githubs-plans
FEATURES = (
    ("repos/*rule*", PAID, 403, UPGRADE),
    ("repos/*branch-protection", PAID, 403, UPGRADE),
    ("repos/create-attestation", ("enterprise",), 403, ATTEST),
    ("repos/create-pages-site", PAID, 422, PAGES),
    ("code-scanning/*", ("enterprise",), 403, SCANNING),
    ("dependency-graph/diff-range", ("enterprise",), 403, REVIEW),
)
REVIEWERS = (
    "Failed to create the environment protection rule. Please ensure the billing plan supports "
    "the required reviewers protection rule."
)


def check(operation: str, plan: str, private: bool) -> None:
    """Raise Refused for what a private repository does not have on a plan."""
    for pattern, plans, status, message in FEATURES:
        if private and fnmatchcase(operation, pattern) and plan not in plans:
            raise Refused(status, message)
