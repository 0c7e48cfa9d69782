"""Write the tables of commands, exit codes and parameters in loop/README.md and loop/docs.

    python loop/tools/docs.py

A test of the loop fails while a page differs from what this writes.
"""

import inspect
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
import parameters

from mlops_loop import cli, errors
from mlops_loop.commands import exit_codes

LOOP = Path(__file__).parents[1]


def table(head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    """A table in Markdown."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def commands() -> str:
    """Each command with its sentence and its exit codes beside 0, 64 and 70."""
    rows = [
        (f"`{name}`", text, ", ".join(f"{n} {m}" for n, m in exit_codes.of(name).items()))
        for name, text in cli.HELP.items()
    ]
    return table(("command", "what it does", "exit codes"), rows)


def subcommands() -> str:
    """The commands of each group, with the first sentence of their help."""
    rows, context = [], click.Context(cli.cli)
    for name in cli.HELP:
        command = cli.cli.get_command(context, name)
        if isinstance(command, click.Group):
            rows += [(f"`{name} {sub}`", first(c)) for sub, c in command.commands.items()]
    return table(("command", "what it does"), rows)


def first(command: click.Command) -> str:
    """The first paragraph of a command's help, on one line."""
    return " ".join((command.help or "").split("\n\n")[0].split())


def codes() -> str:
    """Every exit code, with the error's name and the first sentence of its docstring."""
    raised = [errors.ProjectError, *errors.ProjectError.__subclasses__()]
    rows = [(c.exit_code, f"`{c.__name__}`", meaning(c)) for c in raised]
    rows += [(0, "", "Done. `gate`: PROMOTE."), *verdicts()]
    return table(("code", "error", "meaning"), sorted(rows))


def verdicts() -> Iterator[tuple[int, str, str]]:
    """A row for each exit code that is no error."""
    tables = exit_codes.VERDICTS.items()
    for code in {code for _, table in tables for code in table}:
        meanings = [f"`{name}`: {table[code]}." for name, table in tables if code in table]
        yield code, "", " ".join(meanings)


def meaning(error: type[errors.ProjectError]) -> str:
    """What an error stands for."""
    if error is errors.ProjectError:
        return "A bug: please report it."
    return " ".join((inspect.getdoc(error) or "").split("\n\n")[0].split())


def params() -> str:
    """Every key of params.yaml."""
    return keys("params.yaml")


def gate() -> str:
    """Every key of gate.yaml."""
    return keys("gate.yaml")


def monitor() -> str:
    """Every key of monitor.yaml."""
    return keys("monitor.yaml")


def keys(file: str) -> str:
    """Every key of a file, see parameters.py."""
    return table(parameters.HEAD, parameters.rows(parameters.FILES[file]))


PAGES = {
    LOOP / "README.md": (codes,),
    LOOP / "docs" / "commands.md": (commands, subcommands),
    LOOP / "docs" / "parameters.md": (params, gate, monitor),
}


def page(path: Path) -> str:
    """A page with the part between each pair of markers replaced by what the code says."""
    text = path.read_text(encoding="utf-8")
    for make in PAGES[path]:
        begin, end = (f"<!-- {word} of {make.__name__} -->" for word in ("begin", "end"))
        before, _, rest = text.partition(begin)
        _, mark, after = rest.partition(end)
        text = f"{before}{begin}\n\n{make()}\n\n{mark}{after}"
    return text


if __name__ == "__main__":
    for path in PAGES:
        path.write_text(page(path), encoding="utf-8")
