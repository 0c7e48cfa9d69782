"""The command `gate`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from mlops_loop import paths
from mlops_loop.commands.console import example, file
from mlops_loop.gate import gate as gates


@click.command(epilog=example("gate", 'gate --override "checked for leaks"'))
@click.option("--policy", type=file, default=paths.GATE_POLICY, show_default=True)
@click.option(
    "--override", metavar="REASON", envvar="GATE_OVERRIDE",
    help="Turn HOLD into PROMOTE. REJECT stays.  [or: GATE_OVERRIDE]",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON.")
def gate(policy: Path, override: str | None, as_json: bool) -> None:
    """Compare challenger and champion on the same held-out rows, and decide.

    Exits with 0 for PROMOTE, 1 for REJECT, 2 for HOLD, and writes reports/gate.json. The
    challenger is models/bundle, the champion what the registry has in production.
    """
    verdict = gates.run(paths.BUNDLE, policy, paths.REPORTS, override)
    click.echo(json.dumps(verdict.to_dict(), indent=2) if as_json else verdict.to_text())
    sys.exit(verdict.exit_code)
