"""GitHub's expressions, as far as `if:` and `concurrency:` of our workflows use them."""

import re
from collections.abc import Mapping
from typing import Any

NAME = re.compile(r"[a-z_][\w-]*(?:\.[\w-]+)*(?:\(\))?", re.IGNORECASE)
TEXT = re.compile(r"'((?:[^']|'')*)'")
HOLE = re.compile(r"\$\{\{([^}]*)\}\}")
WORDS = {word: word for word in ("and", "or", "not")} | {"true": "True", "false": "False"}


def find(context: Any, path: str) -> Any:
    """Return what a context has at `a.b.c`; None where it has nothing there, as on GitHub."""
    for part in path.split("."):
        context = context.get(part) if isinstance(context, Mapping) else None
    return context


def evaluate(expression: str, context: Mapping[str, Any]) -> Any:
    """Evaluate comparisons of texts and names; `always()` is looked up by that name."""
    texts: list[str] = []

    def keep(match: re.Match[str]) -> str:
        texts.append(match[1].replace("''", "'"))
        return f" _{len(texts) - 1} "

    def value(match: re.Match[str]) -> str:
        name = match[0]
        if name.startswith("_"):
            return repr(texts[int(name[1:])])
        return WORDS.get(name) or repr(
            context.get(name) if name.endswith(")") else find(context, name)
        )

    text = TEXT.sub(keep, expression).replace("!=", "<>")
    for sign, word in (("&&", " and "), ("||", " or "), ("!", " not "), ("<>", "!=")):
        text = text.replace(sign, word)
    python = NAME.sub(value, text).strip()
    return eval(python, {"__builtins__": {}})  # noqa: S307  # of this repository


def fill(text: Any, context: Mapping[str, Any]) -> Any:
    """Return a value of a workflow with each `${{ }}` evaluated; one alone keeps its type."""
    if not isinstance(text, str):
        return text
    if whole := HOLE.fullmatch(text.strip()):
        return evaluate(whole[1], context)
    return HOLE.sub(lambda match: str(evaluate(match[1], context) or ""), text)
