"""The only reader of `params.yaml`: what changes the model, typed and frozen.

A value that is not allowed is a UsageError that names the key, the value and what is allowed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, Field, ValidationError, model_validator

from mlops_loop import tasks
from mlops_loop.errors import UsageError
from mlops_loop.sections import Section
from mlops_loop.source_params import URL_WITH_PASSWORD, Source, kinds
from mlops_loop.stage_params import Evaluate, Export, Prepare, Split, Target, Train, Validate
from mlops_loop.tasks import TaskName
from mlops_loop.text import listed
from mlops_loop.yaml_text import YAMLError, parse

Model = TypeVar("Model", bound=BaseModel)
OF_CLASS = re.compile(r" or instance of \w+")  # a class of the loop's says nothing to a user
# Columns that `prepare` makes for one strategy of the split only.
MADE_BY = {"_time": "time", "_group": "group"}

# Keys of earlier versions, and what they are called now.
RENAMED = {
    "source.watch": "source.fingerprint",
    "prepare.keep": "prepare.carry_columns",
    "prepare.rare_rows": "prepare.min_category_count",
    "train.candidates": "train.n_iter",
    "train.leak_above": "train.leakage_threshold",
}
# Keys of gate.yaml that are parameters now, for evaluation and gate alike.
MOVED = {name: f"evaluate.{name}" for name in ("cluster", "confidence", "resamples")}


class Params(Section):
    """`params.yaml`, whole."""

    task: TaskName  # what is predicted; the answer of the template
    seed: Annotated[int, Field(ge=0, lt=2**32)]  # of everything that draws
    source: Source
    validate_: Validate = Field(alias="validate")
    target: Target = Target()
    prepare: Prepare
    split: Split
    train: Train
    export: Export
    evaluate: Evaluate

    @model_validator(mode="after")
    def _fits_task(self) -> Params:
        tasks.find(self.task).check(self.target, self.split, self.train, self.export)
        return self

    @model_validator(mode="after")
    def _clusters_are_there(self) -> Params:
        cluster, strategy = self.evaluate.cluster, self.split.strategy
        if MADE_BY.get(cluster or "", strategy) != strategy:
            raise ValueError(
                f"evaluate.cluster: {cluster} is made by split.strategy: {MADE_BY[cluster or '']}, "
                f"and here it is {strategy}. Next: set evaluate.cluster to null where rows are "
                "independent, or to a column whose rows are alike"
            )
        return self


def load(path: Path = Path("params.yaml")) -> Params:
    """Read and check `params.yaml`; raises UsageError."""
    return read_yaml(path, Params)


def read_yaml(path: Path, model: type[Model]) -> Model:
    """A YAML file as `model`; raises UsageError naming the file, the key and the value."""
    try:
        data = parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UsageError(f"{path} is missing. Run this in the project's root folder.") from error
    except (YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split()).partition(" To suppress this check")[0]
        raise UsageError(f"{path} is not YAML: {reason}") from error
    return checked(path, data, model)


def checked(place: Path | str, data: Any, model: type[Model]) -> Model:
    """Data as `model`; raises UsageError naming the place, the key and the value."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise UsageError("\n".join(_explanations(place, data, error))) from error


def _explanations(path: Path | str, data: Any, error: ValidationError) -> list[str]:
    """A line for each wrong key; where a key may be of several kinds, with what each allows."""
    lines: dict[str, list[str]] = {}
    for item in error.errors():
        place, message = _explain(path, data, item)
        lines[place] = [*lines.get(place, []), message]
    return [f"{place}: {'; or: '.join(messages)}." for place, messages in lines.items()]


def _explain(path: Path | str, data: Any, item: Any) -> tuple[str, str]:
    """File, key and value; and what is wrong with it."""
    parts, shown = item["loc"], f" = {item['input']!r}"
    if source := parts[:1] in (("source",), ("traffic",)):
        parts = (parts[0], *parts[2:])  # without the kind, which is no level of the file
    parts = _within(data, parts, item["type"] == "missing")
    # A password in the wrong place is under an unknown key, where a variable's name should be, or
    # in a URL.
    secret = item["type"] in ("extra_forbidden", "string_pattern_mismatch")
    secret |= bool(URL_WITH_PASSWORD.search(str(item["input"])))
    if (source and secret) or isinstance(item["input"], dict):
        shown = ""
    message = OF_CLASS.sub("", item["msg"].removeprefix("Value error, "))
    message = message.replace("valid tuple", "valid list").replace("dictionary", "mapping")
    if item["type"] == "extra_forbidden" and (new := RENAMED.get(".".join(map(str, parts)))):
        message = f"it is called {new} now: rename it"
    if item["type"] == "extra_forbidden" and (new := MOVED.get(".".join(map(str, parts)))):
        message = f"it is {new} in params.yaml now, for evaluation and gate alike: move it there"
    if item["type"] == "union_tag_not_found" and parts == ("source",):
        message = f"kind is missing. Choose one of: {listed(kinds())}"
    key = f": {'.'.join(map(str, parts))}{shown}" if parts else ""  # of the file, its message says
    return f"{path}{key}", message.rstrip(".")


def _within(data: Any, parts: Sequence[str | int], missing: bool) -> tuple[str | int, ...]:
    """The levels that the file has; pydantic adds names of its own for the kinds of a value.

    missing: the last level is one that the file lacks.
    """
    found: list[str | int] = []
    for part in parts:
        levels = data if isinstance(data, dict) else {}
        levels = dict(enumerate(data)) if isinstance(data, list) else levels
        if part in levels or (missing and part == parts[-1]):
            found.append(part)
            data = levels.get(part)
    return tuple(found)
