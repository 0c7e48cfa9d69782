"""What Kubeflow has to know of dvc.yaml: the stages, in an order in which they can run."""

from __future__ import annotations

from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

from dvc.exceptions import DvcException
from dvc.repo import Repo

from mlops_loop import params, paths
from mlops_loop.errors import UsageError


@dataclass(frozen=True)
class Stage:
    """A stage of dvc.yaml."""

    name: str
    description: str


def read(root: Path) -> list[Stage]:
    """The stages of dvc.yaml in an order in which they can run, as DVC itself reads them.

    Raises UsageError where DVC refuses dvc.yaml, or where it has no stages.
    """
    try:
        with Repo(str(root)) as repo:
            graph = repo.index.graph  # from each stage to those whose outputs it reads
            found = {s.addressing: s for s in graph if getattr(s, "cmd", None)}
            before = {n: {o.addressing for o in graph.successors(s)} for n, s in found.items()}
            texts = {name: stage.desc or "" for name, stage in found.items()}
    except DvcException as error:
        if (root / paths.PARAMS).exists():
            params.load(root / paths.PARAMS)  # DVC fills dvc.yaml with it, and says less on errors
        reason = " ".join(str(error).split())
        raise UsageError(f"DVC cannot read dvc.yaml: {reason}. Next: dvc dag") from error
    if not before:
        raise UsageError("dvc.yaml has no stages. Next: run this in the project's root folder")
    order = TopologicalSorter({name: sorted(others) for name, others in sorted(before.items())})
    return [Stage(name, texts[name]) for name in order.static_order() if name in texts]
