"""Write docs/questions.md from cookiecutter.json: each question, its choices and its default."""

import json
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/questions.md"
HEAD = """# Every question

What cookiecutter asks, in this order, made from `cookiecutter.json` by `tools/questions.py`. Press
Enter for the default; the first choice is the recommended one. A wrong answer is refused in one
sentence, before a file is written.

An answer may change later, by one command:
[change an answer](../<<cookiecutter.project_slug>>/loop/docs/outgrow.md#change-an-answer).
"""
DERIVED = {
    "project_slug": "the name in small letters, with hyphens",
    "author_name": "the name and “authors”",
    "github_owner": "the author in small letters, with hyphens",
}


def page():
    """Return the text of the page."""
    context = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))
    parts = [HEAD]
    for name, prompt in context["__prompts__"].items():
        parts.append(f"## {name}\n\n{described(name, prompt, context[name])}\n")
    return "\n".join(parts)


def described(name, prompt, default):
    """Return what a question asks, and what may be answered."""
    if isinstance(prompt, str):
        return f"{prompt}. Default: {DERIVED.get(name, f'`{default}`')}."
    choices = {choice: prompt[choice].partition(": ")[2] for choice in default}
    rows = [f"| `{choice}` | {meaning} |" for choice, meaning in choices.items()]
    lines = [f"{prompt['__prompt__']}.", "", "| answer | what it is |", "|---|---|", *rows]
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
