"""The web page: a form made from the contract, and the API's documentation. No CDN.

The server renders every state of the page, so it works without JavaScript; `page.js` only
swaps its parts in place of a reload. Jinja escapes all that is shown, and the
Content-Security-Policy allows no inline script or style.
"""

from __future__ import annotations

from collections.abc import Mapping
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

from mlops_loop.inference.model import Model
from mlops_loop.inference.predict import count_refused, predicted, read_body
from mlops_loop.inference.validation_errors import Problem, RowsRefused, describe_value, plain
from mlops_loop.model.contract import Column, Contract
from mlops_loop.page import batch
from mlops_loop.page.attribution import moved

WEB = Path(__file__).parent / "web"
MAX_FORM_BYTES = 64 * 1024
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
RIGHT = 'style="text-align:right"'
# Swagger UI sets style attributes of its own.
DOCS_POLICY = POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")

# The package's name, for people: 'Flight Delays'.
PROJECT = __name__.split(".")[0].replace("_", " ").strip().title()

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
async def _docs() -> HTMLResponse:
    return _html("docs.html", policy=DOCS_POLICY)


@router.get("/card")
async def _card(request: Request) -> HTMLResponse:
    """The bundle's model card; HTML within it is shown, not run."""
    model: Model | None = request.app.state.model
    if model is None:
        return _html("no_model.html", 503, reason=request.app.state.reason)
    text = (model.bundle.folder / "model_card.md").read_text("utf-8")
    made = MarkdownIt("js-default").render(text)  # no style of its own: the policy forbids it
    return _html("card.html", card=Markup(made.replace(RIGHT, 'class="number"')))


def _html(template: str, status: int = 200, policy: str = POLICY, **view: Any) -> HTMLResponse:
    text = templates.get_template(template).render(project=PROJECT, **view)
    return HTMLResponse(text, status, headers={"Content-Security-Policy": policy})


async def _page(request: Request, example: int, form: dict[str, str] | None = None) -> HTMLResponse:
    """The form holding a golden row; or `form` as it was sent, with what came of it."""
    model: Model | None = request.app.state.model
    if model is None:
        return _html("no_model.html", 503, reason=request.app.state.reason)
    example %= len(model.golden)
    answer, problems = (None, []) if form is None else await _answer(request, model, form)
    if form is None:
        form = {name: _text(value) for name, value in model.golden[example].items()}
    return _html(
        "page.html",
        422 if problems else 200,
        model=model,
        contract=model.contract,
        form=form,
        errors={p.column: f"{p.problem}. Allowed: {p.allowed}." for p in problems},
        choices=_choices,
        hint=_hint,
        example=example,
        verdict=answer and verdict(answer),
        shares=answer and answer.get("probabilities", {}),
        effects=answer and moved(model, model.reader.read_form(form)),
        change=_change,
        max_rows=f"{request.app.state.settings.max_rows:,}",
        text=_text,
        problems=problems,
    )


async def _answer(
    request: Request, model: Model, form: dict[str, str]
) -> tuple[dict[str, Any] | None, list[Problem]]:
    try:
        found = await predicted(request.scope, model, [model.reader.read_form(form)])
        return found.predictions[0] | found.about, []
    except RowsRefused as refused:
        count_refused(request.app.state, refused)
        return None, refused.problems


def _choices(column: Column) -> list[str]:
    """The values of a select; empty where any text or number may be typed."""
    values = ["true", "false"] if column.kind == "boolean" else column.levels * column.closed
    return [*[""] * column.nullable, *values] if values else []


def _hint(column: Column) -> str:
    """What may be typed, where the field itself does not show it."""
    shown = _choices(column) or (column.description and column.pattern)
    return ": ".join(filter(None, [column.description, "" if shown else describe_value(column)]))


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else plain(value)


def _change(contract: Contract, change: float) -> str:
    """With its sign: points of a hundred for a probability, else the unit."""
    if contract.classes:
        return f"{100 * change:+.1f} points"
    return f"{change:+.3g} {contract.target_unit}".strip()


def verdict(answer: Mapping[str, Any]) -> str:
    """The predicted class; or the number, with three digits or whole, and its unit."""
    prediction = answer["prediction"]
    if isinstance(prediction, str):
        return prediction
    number = f"{prediction:,.0f}" if abs(prediction) >= 100 else f"{prediction:.3g}"
    return f"{number} {answer['unit']}".strip()
