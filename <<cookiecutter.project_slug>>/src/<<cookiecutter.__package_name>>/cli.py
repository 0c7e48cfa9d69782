"""The command line: `python -m PACKAGE VERB`, one function per verb.

Modules are imported by the verb that needs them: `serve` runs in a container that has neither
pandas nor DVC. Errors leave as one sentence on stderr and with their own exit code.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from contextlib import suppress
from pathlib import Path

import click

from .delivery.registry_cli import registry, tell
from .deployment import deploy_cli
from .errors import ProjectError, example
from .monitoring import monitor_cli
from .prediction_log import log_cli
from .repository import settings_cli
from .storage.store_cli import store

BUNDLE = Path("models/bundle")
STOPPED = Path("reports/stopped.json")
STAGES = {
    "ingest": "Read the source named in params.yaml into data/ingested.parquet.",
    "validate": "Test the raw rows against the schema; quarantine those that break it.",
    "prepare": "Make model rows, clean them, divide them into train, validation, holdout.",
    "train": "Search by cross-validation, fit the best, choose the decision threshold.",
    "export": "Convert the model and prove equality on every held-out row.",
    "evaluate": "Measure the exported model on the holdout and make models/bundle.",
}


class Verbs(click.Group):
    """Lists the verbs as they are written here, in the order of a model's life."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


def _import(name: str):
    return importlib.import_module(f".{name}", __package__)


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """A model's life: pipeline, delivery, serving.

    Run in the project's root folder. Every verb has --help with an example.
    """


@cli.command(epilog=example("watch"))
def watch() -> None:
    """Note the state of the source, so that dvc repro reads it again when it changed.

    Writes data/source.json, to be committed, where source.watch in params.yaml names it. Files in a
    folder of the project are watched by DVC itself.
    """
    _import("sources.watch").run(_import("params").load())


def _add_stage(name: str, text: str) -> None:
    @cli.command(name, help=f"{text}\n\nA stage of dvc.yaml.", epilog=f"Example: dvc repro {name}")
    def stage() -> None:
        params = _import("params").load()
        _import(f"pipeline.{name}").run(params)


for _name, _text in STAGES.items():
    _add_stage(_name, _text)


@cli.command(epilog=example("profile data/ingested.parquet"))
@click.argument("table", type=click.Path(path_type=Path), default="data/prepared/train.parquet")
@click.option("--out", type=click.Path(path_type=Path), default="reports/profile.html")
def profile(table: Path, out: Path) -> None:
    """Show a table as a page: distributions, missing values, outliers, associations."""
    _import("pipeline.profile").run(table, out)
    click.echo(f"profile: {out.resolve().as_uri()}")


@cli.command(epilog=example("gate"))
@click.option("--policy", type=click.Path(path_type=Path), default="gate.yaml", show_default=True)
@click.option(
    "--override", metavar="REASON", envvar="GATE_OVERRIDE",
    help="Turn HOLD into PROMOTE. REJECT stays.  [or: GATE_OVERRIDE]",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON.")
def gate(policy: Path, override: str | None, as_json: bool) -> None:
    """Compare challenger and champion on the same held-out rows, and decide.

    Leaves with 0 for PROMOTE, 1 for REJECT, 2 for HOLD, and writes reports/gate.json. The
    challenger is models/bundle, the champion what the registry has in production.
    """
    verdict = _import("delivery.gate").run(BUNDLE, policy, Path("reports"), override)
    click.echo(json.dumps(verdict.to_dict(), indent=2) if as_json else verdict.to_text())
    sys.exit(verdict.exit_code)


@cli.command(epilog=example("report --page reports/index.html"))
@click.option(
    "--base", metavar="REV", envvar="REPORT_BASE", help="Compare parameters.  [default: champion]"
)
@click.option("--page", type=click.Path(path_type=Path), help="Draw it as an HTML page too.")
def report(base: str | None, page: Path | None) -> None:
    """Write reports/report.md: verdict, slices, what changed, plots, what to do next.

    Markdown as GitHub reads it. In a workflow the summary of the job gets it too.
    """
    path = _import("reporting.report").run(Path("reports"), BUNDLE, base, page)
    click.echo(f"report: {(page or path).resolve().as_uri()}")


@cli.command(epilog=example("comment reports/report.md --pr 5"))
@click.argument("file", type=click.Path(path_type=Path), default="reports/report.md")
@click.option("--pr", type=int, help="Its number; without, that of the workflow's event.")
def comment(file: Path, pr: int | None) -> None:
    """Post FILE as the one comment of a pull request, or update it there."""
    click.echo(_import("reporting.comment").run(file, pr))


@cli.command(epilog=example("reviewed"))
def reviewed() -> None:
    """Say whether this model is the one that was reviewed, and what overrides HOLD."""
    tell(_import("reporting.reviewed").run(_import("bundle").load(BUNDLE)))


cli.add_command(registry)
cli.add_command(store)


@cli.command(epilog=example("smoke http://127.0.0.1:8000"))
@click.argument("url")
@click.option("--bundle", type=click.Path(path_type=Path), default=BUNDLE, show_default=True)
@click.option("--timeout-s", type=float, default=30.0, show_default=True)
def smoke(url: str, bundle: Path, timeout_s: float) -> None:
    """Ask a running endpoint for the golden rows and compare with what the gate saw.

    Leaves with 5 where an answer differs.
    """
    loaded = _import("bundle").load(bundle)
    click.echo(_import("delivery.smoke").smoke(url, loaded, timeout_s=timeout_s))


deploy_cli.add_to(cli)
monitor_cli.add_to(cli)
settings_cli.add_to(cli)
log_cli.add_to(cli)


@cli.command(epilog=example("serve --port 8000"))
@click.option("--host", default=None, help="Address.  [default: 127.0.0.1]")
@click.option("--port", type=int, default=None, help="[default: 8000]")
def serve(host: str | None, port: int | None) -> None:
    """Answer predictions over HTTP, with a page to try them on.

    Settings come from the environment, see settings.py.
    """
    _tell_version()
    _import("serving.app").serve(host=host, port=port)


def _tell_version() -> None:
    """On a laptop the registry knows the version of the bundle; an image was told at its build."""
    if os.environ.get("MODEL_VERSION") or not Path(".git").exists():
        return
    with suppress(ProjectError, ModuleNotFoundError):  # serving says what is wrong with a bundle
        model = _import("bundle").load(Path(os.environ.get("BUNDLE_DIR", BUNDLE)))
        version = _import("delivery.registry").read(Path()).version_of_bundle(model.id)
        os.environ["MODEL_VERSION"] = version.version if version else ""


def _keep(error: ProjectError) -> None:
    """For the report of a pull request: what stopped a workflow's job, and where."""
    STOPPED.parent.mkdir(exist_ok=True)
    verb = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    told = {"verb": verb, "error": type(error).__name__, "message": str(error)}
    STOPPED.write_text(json.dumps(told), encoding="utf-8")


def main() -> None:
    """Run the command line; the only place where errors become exits."""
    # Threads of scikit-learn that wait by spinning make training ten times slower as soon as
    # anything else runs on the machine. Set before the library is loaded; yours wins.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(64)
    except click.Abort:
        click.echo("Interrupted. The same command starts again; finished work is kept.", err=True)
        sys.exit(130)
    except ModuleNotFoundError as error:
        click.echo(
            f"This verb needs {error.name!r}, which is not installed here (a serving container "
            "has only what serving needs). Next: uv sync",
            err=True,
        )
        sys.exit(64)
    except ProjectError as error:
        click.echo(f"{type(error).__name__}: {error}", err=True)
        if os.environ.get("GITHUB_ACTIONS"):
            _keep(error)
        sys.exit(error.exit_code)
    except Exception:
        traceback.print_exc()
        click.echo("This is a bug in the project's own code: please report it.", err=True)
        sys.exit(ProjectError.exit_code)
