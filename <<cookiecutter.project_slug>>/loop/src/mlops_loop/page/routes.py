"""The web page: a form made from the contract, and the API's documentation. No CDN.

The server renders every state of the page, so it works without JavaScript; `page.js` only
replaces parts of it where the browser would reload. Jinja escapes all that is shown, and the
Content-Security-Policy allows no inline script or style. The page's title is that of the app.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup
from starlette.staticfiles import StaticFiles

from mlops_loop.access.body import read_body
from mlops_loop.inference.errors import FieldError, RowsRefused
from mlops_loop.inference.model import Model
from mlops_loop.inference.predict import count_refused, predict_and_log
from mlops_loop.inference.validation_errors import describe_value, plain
from mlops_loop.model.contract import Column
from mlops_loop.page import batch
from mlops_loop.page.attribution import what_if_effects

WEB = Path(__file__).parent / "web"
MAX_FORM_BYTES = 64 * 1024
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
RIGHT = 'style="text-align:right"'
# Swagger UI sets style attributes of its own.
DOCS_POLICY = POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")

router = APIRouter(include_in_schema=False)
templates = Environment(
    loader=FileSystemLoader(WEB),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def add_to(app: FastAPI) -> None:
    """Add the page, its files and the API's documentation to the app."""
    app.include_router(router)
    app.include_router(batch.router)
    swagger = str(files("fastapi_offline") / "static")
    app.mount("/static/swagger", StaticFiles(directory=swagger))
    app.mount("/static", StaticFiles(directory=WEB / "static"))


@router.get("/")
async def _show(request: Request, example: int = 0) -> HTMLResponse:
    return await _page(request, example)


@router.post("/")
async def _submit(request: Request, example: int = 0) -> HTMLResponse:
    body = await read_body(request.receive, MAX_FORM_BYTES)
    text = body.decode("utf-8", errors="replace")
    return await _page(request, example, dict(parse_qsl(text, keep_blank_values=True)))


@router.get("/docs")
async def _docs(request: Request) -> HTMLResponse:
    return _html(request, "docs.html", policy=DOCS_POLICY)


@router.get("/card")
async def _card(request: Request) -> HTMLResponse:
    """The bundle's model card; HTML within it is shown as text."""
    model: Model | None = request.app.state.model
    if model is None:
        return _no_model(request)
    text = (model.bundle.folder / "model_card.md").read_text("utf-8")
    card = MarkdownIt("js-default").render(text)  # no style attributes: the policy forbids them
    return _html(request, "card.html", card=Markup(card.replace(RIGHT, 'class="number"')))


def _no_model(request: Request) -> HTMLResponse:
    return _html(request, "no_model.html", 503, reason=request.app.state.reason)


def _html(
    request: Request, template: str, status: int = 200, policy: str = POLICY, **view: Any
) -> HTMLResponse:
    text = templates.get_template(template).render(project=request.app.title, **view)
    return HTMLResponse(text, status, headers={"Content-Security-Policy": policy})


async def _page(request: Request, example: int, form: dict[str, str] | None = None) -> HTMLResponse:
    """The form filled with an example; or `form` as sent, with its prediction or errors."""
    model: Model | None = request.app.state.model
    if model is None:
        return _no_model(request)
    example %= len(model.examples)
    answer, errors = (None, []) if form is None else await _predict(request, model, form)
    if form is None:
        form = {name: _text(value) for name, value in model.examples[example].items()}
    return _html(
        request,
        "page.html",
        422 if errors else 200,
        model=model,
        contract=model.contract,
        form=form,
        errors=errors,
        error_texts={e.column: f"{e.problem}. Allowed: {e.allowed}." for e in errors},
        choices=_choices,
        hint=_hint,
        example=example,
        task=model.task,
        outcomes=model.task.describe_outcomes(model.contract),
        answer=answer,
        profile=answer and model.profiles.get(answer["prediction"]),
        effects=answer and what_if_effects(model, model.reader.read_form(form)),
        max_rows=f"{request.app.state.settings.max_rows:,}",
        with_unit=_with_unit,
    )


async def _predict(
    request: Request, model: Model, form: dict[str, str]
) -> tuple[dict[str, Any] | None, list[FieldError]]:
    """The prediction with its metadata, or None and what is wrong with the form."""
    try:
        result = await predict_and_log(request.scope, model, [model.reader.read_form(form)])
        return result.predictions[0] | result.metadata, []
    except RowsRefused as refused:
        count_refused(request.app.state, refused)
        return None, refused.errors


def _choices(column: Column) -> list[str]:
    """The options of a select; empty where any text or number may be typed."""
    values = ["true", "false"] if column.kind == "boolean" else column.levels * column.closed
    return [*[""] * column.nullable, *values] if values else []


def _hint(column: Column) -> str:
    """What may be typed, where the field itself does not show it."""
    shown = _choices(column) or (column.description and column.pattern)
    return ": ".join(filter(None, [column.description, "" if shown else describe_value(column)]))


def _with_unit(value: Any, column: Column) -> str:
    return f"{shown} {column.unit}".rstrip() if (shown := _text(value)) else ""


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else plain(value)
