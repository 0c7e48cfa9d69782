"""The web page: a form made from the contract, and the API's documentation. No CDN.

The server renders every state of the page, so it works without JavaScript; `page.js` only
swaps its parts in place of a reload. Jinja escapes all that is shown, and the
Content-Security-Policy allows no inline script or style.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.staticfiles import StaticFiles

from ..contract import Column, Contract
from .body import read_body
from .model import Model
from .problems import (
    BodyTooLarge,
    Problem,
    RowsRefused,
    describe,
    describe_range,
    plain,
    sentence,
)

WEB = Path(__file__).parent / "web"
SPARE_FIELDS = 100
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# Swagger UI sets style attributes of its own.
DOCS_POLICY = POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")


@dataclass(frozen=True)
class Field:
    """One column as a form field: the text in it, and what is wrong with that text."""

    id: str
    column: Column
    text: str
    error: str

    @property
    def options(self) -> list[tuple[str, str]]:
        """(value, shown) of a select; empty where any text or number may be typed."""
        empty = [("", "not known")] if self.column.nullable else []
        if self.column.kind == "boolean":
            return [*empty, ("true", "yes"), ("false", "no")]
        if self.column.kind == "category" and self.column.closed:
            return [*empty, *((level, level) for level in self.column.levels)]
        return []

    @property
    def label(self) -> str:
        return self.column.title or self.column.name

    @property
    def hint(self) -> str:
        """What may be typed, where the field itself does not show it."""
        parts = [self.column.description]
        if self.is_number:
            whole = "whole number" if self.column.kind == "integer" else ""
            parts.append(f"{whole}{describe_range(self.column)}".strip())
        elif self.column.pattern and not self.column.description:
            parts.append(describe(self.column))
        return ". ".join(sentence(part) for part in parts if part)

    @property
    def is_number(self) -> bool:
        return self.column.kind in ("number", "integer")


@dataclass(frozen=True)
class Share:
    """The probability of one class, as a bar; lengths are in percent of the whole.

    `threshold` is the mark from which the positive class of two is predicted; otherwise empty.
    """

    label: str
    probability: float
    predicted: bool
    threshold: str

    @property
    def text(self) -> str:
        return f"{100 * self.probability:.1f} %"

    @property
    def width(self) -> str:
        return f"{100 * self.probability:.2f}%"


def project_name() -> str:
    """The package's name, for people: 'Flight Delays'."""
    return __name__.split(".")[0].replace("_", " ").strip().title()


def add_to(app: FastAPI) -> None:
    """Add the page, its files and the API's documentation to the app."""
    templates = Environment(
        loader=FileSystemLoader(WEB),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    @app.get("/", include_in_schema=False)
    async def show(request: Request) -> HTMLResponse:
        if request.app.state.model is None:
            return _no_model(templates, request.app.state.reason)
        return _render(templates, _view(request))

    @app.post("/", include_in_schema=False)
    async def submit(request: Request) -> HTMLResponse:
        if request.app.state.model is None:
            return _no_model(templates, request.app.state.reason)
        return _render(templates, await _answered(request))

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        text = templates.get_template("docs.html").render(project=project_name())
        return HTMLResponse(text, headers={"Content-Security-Policy": DOCS_POLICY})

    swagger = str(files("fastapi_offline") / "static")
    app.mount("/static/swagger", StaticFiles(directory=swagger), name="swagger")
    app.mount("/static", StaticFiles(directory=WEB / "static"), name="static")


def _view(request: Request) -> dict[str, Any]:
    """All that the page shows, with a golden row in the form and no answer yet."""
    model: Model = request.app.state.model
    number = _example_number(request, len(model.golden))
    return {
        "status": 200,
        "fields": _fields(model.contract, _texts(model.contract, model.golden[number]), []),
        "example": number,
        "next_example": (number + 1) % len(model.golden),
        "contract": model.contract,
        "version": model.version,
        "bundle": model.bundle.id,
        "answer": None,
        "shares": [],
        "problems": [],
    }


async def _answered(request: Request) -> dict[str, Any]:
    """The page with what was typed, and the prediction or what is wrong."""
    view, model = _view(request), request.app.state.model
    form = await _read_form(request)
    try:
        answer = model.predict_one(model.reader.read_form(form))
    except RowsRefused as refused:
        problems = refused.problems
        known = set(model.contract.names)
        return view | {
            "status": 422,
            "fields": _fields(model.contract, form, problems),
            "problems": problems,
            "elsewhere": [str(problem) for problem in problems if problem.column not in known],
        }
    fields = _fields(model.contract, form, [])
    return view | {"fields": fields, "answer": answer, "shares": _shares(model.contract, answer)}


async def _read_form(request: Request) -> dict[str, str]:
    """Fields of an urlencoded body, of a repeated one the last; raises BodyTooLarge."""
    state = request.app.state
    body = await read_body(request, state.settings.max_body_bytes)
    most = len(state.model.contract.columns) + SPARE_FIELDS
    try:
        text = body.decode("utf-8", errors="replace")
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=most))
    except ValueError as error:
        raise BodyTooLarge(f"The form has more than {most} fields.") from error


def _example_number(request: Request, count: int) -> int:
    text = request.query_params.get("example", "0")
    return int(text) % count if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _texts(contract: Contract, row: Mapping[str, Any]) -> dict[str, str]:
    return {column.name: _text(row.get(column.name)) for column in contract.columns}


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return plain(value) if isinstance(value, int | float) else str(value)


def _fields(contract: Contract, texts: Mapping[str, str], problems: list[Problem]) -> list[Field]:
    errors = {problem.column: problem for problem in problems}
    return [
        Field(f"field-{i}", column, texts.get(column.name, ""), _error(errors.get(column.name)))
        for i, column in enumerate(contract.columns)
    ]


def _error(problem: Problem | None) -> str:
    if problem is None:
        return ""
    return f"{sentence(problem.problem)}. Allowed: {problem.allowed.removesuffix(', or null')}."


def _shares(contract: Contract, answer: Mapping[str, Any]) -> list[Share]:
    """Bars, the most probable class first."""
    positive = contract.classes[1] if len(contract.classes) == 2 else None
    mark = f"{100 * contract.threshold:.2f}%"
    shares = [
        Share(label, share, label == answer["prediction"], mark if label == positive else "")
        for label, share in answer.get("probabilities", {}).items()
    ]
    return sorted(shares, key=lambda share: -share.probability)


def shown_number(value: float) -> str:
    """A number for reading: three significant digits, whole from 100 on."""
    if value == 0 or not math.isfinite(value):
        return str(value)
    decimals = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{decimals}f}"


def _render(templates: Environment, view: dict[str, Any]) -> HTMLResponse:
    text = templates.get_template("page.html").render(
        project=project_name(), plain=plain, shown_number=shown_number, **{"elsewhere": []} | view
    )
    return HTMLResponse(text, view["status"], headers={"Content-Security-Policy": POLICY})


def _no_model(templates: Environment, reason: str) -> HTMLResponse:
    text = templates.get_template("no_model.html").render(project=project_name(), reason=reason)
    return HTMLResponse(text, 503, headers={"Content-Security-Policy": POLICY})
