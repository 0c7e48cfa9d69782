"""The command line, `loop COMMAND`: a table of commands, each imported when it is called.

So `loop serve` starts in a container that has neither pandas nor DVC. Errors that a user can act on
leave as one sentence on stderr and with an exit code of their own (errors.py).
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from pathlib import Path
from typing import NoReturn

import click

from mlops_loop import allocators, fork_client, git, paths
from mlops_loop.errors import ProjectError, UsageError

# By module of mlops_loop.commands, each command with the first sentence of its help.
MODULES = {
    "repro": {"repro": "Run the stages that are out of date, as dvc repro does, in less time."},
    "pipeline": {
        "fingerprint": "Write what the source looks like now, so that DVC sees its changes.",
        "ingest": "Read the source named in params.yaml into data/ingested.parquet.",
        "validate": "Test the raw rows against the schema; quarantine those that break it.",
        "prepare": "Make model rows, clean them, split them into train, validation, holdout.",
        "train": "Search by cross-validation, fit the best, choose the decision threshold.",
        "export": "Convert the model and prove equality on held-out and made rows.",
        "evaluate": "Measure the exported model on the holdout and make models/bundle.",
        "profile": "Show a table as a page: distributions, missing values, associations.",
    },
    "drafts": {"schema": "Draft schema.py, features.py, params.yaml and gate.yaml from a table."},
    "gate": {
        "gate": "Compare challenger and champion on the same held-out rows, and decide.",
        "anchors": "Keep the names of the version in production: write data/anchors.json.",
    },
    "kubeflow": {"kubeflow": "Train on Kubeflow: dvc.yaml as a pipeline of Kubeflow."},
    "report": {
        "report": "Write reports/report.md: verdict, slices, changes, plots, what to do next.",
        "comment": "Post FILE as the one comment of a pull request, or update it there.",
        "check-review": "Say whether this model is the reviewed one, and what overrides HOLD.",
    },
    "publish": {
        "publish": "Publish the run of models/bundle to MLflow or TensorBoard, once.",
    },
    "registry": {"registry": "Versions and assignments: git tags."},
    "store": {"store": "Data, models and cached stage results: DVC's objects, shared."},
    "cloud": {"cloud": "Login to the cloud of a bucket by the job's own identity: no secret."},
    "endpoint": {
        "smoke": "Ask a running endpoint for the golden rows, compare with the gate's scores.",
        "follow": "Let a Deployment of Kubernetes run the image that production names, once.",
    },
    "deployment": {
        "image-tag": "Print name and tag of this commit's image, and whether it exists already.",
        "verify-image": "Run IMAGE locked down, ask it the golden rows, measure latency and size.",
        "deploy": "Put a registered VERSION into production, and check that it answers.",
        "rollback": "Restore the previous version, or a named one, with the image it ran with.",
        "incident": "Open one issue about the rollback that this workflow ran, failed or not.",
    },
    "images": {
        "verify-attestation": "Verify that this repository's workflow release signed IMAGE.",
        "clean-images": "Show or delete the untagged parts of images that nothing needs.",
    },
    "monitoring": {
        "retrain": "Retrain on a schedule: is it allowed, is the model new, propose it.",
        "monitor": "Watch the model in production; a schedule does it every day.",
    },
    "feedback": {"feedback": "Make training data of production's rows whose outcome is known."},
    "repository": {
        "doctor": "List what the repository on GitHub has and lacks; change nothing.",
        "harden": "Set what doctor found missing, as whoever is logged in; show it first.",
    },
    "log": {"log": "Export, prune or forget predictions in the log that LOG_URL names."},
    "predict": {"predict": "Predict the rows of FILE, or say why one of them is refused."},
    "serve": {"serve": "Serve predictions over HTTP, with a web page to try them."},
}
HELP = {name: text for commands in MODULES.values() for name, text in commands.items()}


class LazyGroup(click.Group):
    """Imports a command when it is called; the list of commands needs none of them.

    https://click.palletsprojects.com/en/stable/complex/#defining-the-lazy-group
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of the table, which is that of a model's life."""
        return list(HELP)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command of a name, None where the table has none."""
        for module, commands in MODULES.items():
            if name in commands:
                found = importlib.import_module(f"mlops_loop.commands.{module}")
                return getattr(found, name.replace("-", "_"))
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's; raises UsageError where a command needs the root of a repository."""
        name, command, rest = super().resolve_command(ctx, args)
        if name not in ANYWHERE and not {*HELP_OPTIONS} & {*rest}:
            git.refuse_subfolder(Path())
        return name, command, rest

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table itself."""
        with formatter.section("Commands"):
            formatter.write_dl(list(HELP.items()))


# Commands that work in any folder: they neither read nor change a repository, here or on GitHub.
ANYWHERE = {
    "verify-image",
    *(
        name
        for room in (
            "endpoint",
            "repro",
            "pipeline",
            "drafts",
            "kubeflow",
            "log",
            "predict",
            "serve",
        )
        for name in MODULES[room]
    ),
}
OUT_OF_MEMORY = (
    "This machine ran out of memory. Next: run the same command on a machine with more; or make "
    "the table smaller, by fewer rows, fewer columns, or a larger prepare.min_category_count in "
    "params.yaml, and run dvc repro. Finished stages and candidates of a search are kept."
)
# By command, what an interrupted one leaves, where that is worth a word.
INTERRUPTED = {
    "predict": " No file was written.",
    "store": " Objects that were pushed or pulled are kept.",
    "train": " Finished candidates of the search are kept.",
}
HELP_OPTIONS = ["-h", "--help"]
SETTINGS = {"help_option_names": HELP_OPTIONS, "max_content_width": 100}


@click.group(cls=LazyGroup, context_settings=SETTINGS)
def cli() -> None:
    """A model's life: from data to a monitored endpoint.

    Run in the project's root folder. Every command has --help with an example.
    """


def _command() -> str:
    return next((word for word in sys.argv[1:] if not word.startswith("-")), "")


def _record_error(error: ProjectError) -> None:
    """For the report of a pull request: what stopped a workflow's job, and where."""
    paths.STOPPED.parent.mkdir(exist_ok=True)
    facts = {"command": _command(), "error": error.name, "message": str(error)}
    paths.STOPPED.write_text(json.dumps(facts), encoding="utf-8")


def _leave(error: ProjectError) -> NoReturn:
    click.echo(f"{error.name}: {error}", err=True)
    if os.environ.get("GITHUB_ACTIONS"):
        _record_error(error)
    sys.exit(error.exit_code)


def main() -> None:
    """Run the command line; the only place where errors become exits."""
    # Threads of scikit-learn that wait by spinning make training ten times slower as soon as
    # anything else runs on the machine. Set before the library is loaded, unless it is set already.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    allocators.return_freed()
    if (code := fork_client.ask(_command())) is not None:
        sys.exit(code)
    try:
        cli.main(standalone_mode=False, obj=main)
    except click.ClickException as error:
        error.show()
        sys.exit(64)
    except click.Abort:
        known = INTERRUPTED.get(_command(), "")
        click.echo(f"Interrupted.{known} Next: run the same command again", err=True)
        sys.exit(130)
    except ModuleNotFoundError as error:
        click.echo(
            f"This command needs {error.name!r}, which is not installed here (a serving container "
            "has only what serving needs). Next: uv sync",
            err=True,
        )
        sys.exit(64)
    except ProjectError as error:
        _leave(error)
    except MemoryError as error:
        _leave(UsageError(f"{OUT_OF_MEMORY} ({error})" if str(error) else OUT_OF_MEMORY))
    except Exception:
        traceback.print_exc()
        click.echo("This is a bug in the loop's own code: please report it.", err=True)
        sys.exit(ProjectError.exit_code)
