"""GitHub's double: a server on loopback that answers as GitHub does, or says why it cannot.

    with Double("octo-org/flight-delays", origin=Path("origin.git")) as github:
        token = github.token("ci/report", {"pull-requests": "write"})
        ...                                 # run something with github.api_url and the token
        assert github.comments(7)

Leaving the block raises AssertionError for everything that GitHub would not have understood.
"""

from .service import Double

__all__ = ["Double"]
