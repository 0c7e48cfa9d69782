"""The README says what the code says."""

from pathlib import Path

import pytest
import yaml
from click import Context

from mlops_loop import cli, params, settings

README = Path("README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("verb", list(cli.cli.commands))
def test_every_verb_with_its_own_words(verb):
    """The table of verbs holds each one with the first sentence of its help."""
    command = cli.cli.get_command(Context(cli.cli), verb)
    sentence = command.help.split("\n\n")[0].replace("\n", " ")
    assert f"| `{verb}` | {sentence} |" in README


def test_every_stage_is_in_the_diagram():
    """In the order of `dvc.yaml`."""
    stages = yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"]
    assert " --> ".join(stages) in README


@pytest.mark.parametrize("name", settings.Settings.model_fields)
def test_every_setting_of_serving_is_explained(name):
    """By the name of its environment variable."""
    assert f"`{name.upper()}`" in Path("docs/serving.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("key", params.Train.model_fields)
def test_every_key_of_train_is_explained(key):
    """With its default, which is the first of its values."""
    lines = Path("docs/training.md").read_text(encoding="utf-8").splitlines()
    (line,) = [line for line in lines if line.startswith(f"| `{key}` | ")]
    field = params.Train.model_fields[key]
    default = {None: "null", True: "true", False: "false"}.get(field.default, str(field.default))
    assert field.is_required() or line.split(" | ")[1].replace("`", "").startswith(default)
