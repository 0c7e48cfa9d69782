"""Every key of params.yaml, gate.yaml and monitor.yaml: values, default, meaning.

Keys, values and defaults are those of the models that read the files. What a key means is the
comment beside its field, or on the lines above it; a key without one is an error.
"""

import ast
import inspect
import json
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined, to_jsonable_python

from mlops_loop.gate.policy import GatePolicy
from mlops_loop.monitoring.config import MonitorConfig
from mlops_loop.params import Params

Row = tuple[str, str, str, str]
HEAD = ("key", "values", "default", "meaning")
FILES = {"params.yaml": Params, "gate.yaml": GatePolicy, "monitor.yaml": MonitorConfig}
TYPES = {"string": "text", "boolean": "`true`, `false`", "object": "a mapping", "null": "`null`"}
WHOLE, NUMBER = "a whole number", "a number"


def rows(model: type[BaseModel], prefix: str = "") -> Iterator[Row]:
    """A row for each key of a file, those of its sections too."""
    meanings, schema = comments(model), model.model_json_schema(mode="validation")
    for name, field in model.model_fields.items():
        key = prefix + (field.alias or name)
        if parts := sections(field):
            for part in parts:
                yield from rows(part, key + inner(field, part))
            continue
        if name not in meanings:
            raise SystemExit(f"{model.__name__}.{name} has no comment that says what it means")
        allowed = values(schema["properties"][field.alias or name], schema.get("$defs", {}))
        yield f"`{key}`", allowed, default(field), meanings[name]


def sections(field: FieldInfo) -> list[type[BaseModel]]:
    """The models that a field holds, each once; none for a plain value."""
    return list(dict.fromkeys(models(field.annotation)))


def models(kind: Any) -> list[type[BaseModel]]:
    """All models in a type."""
    if inspect.isclass(kind) and issubclass(kind, BaseModel):
        return [kind]
    return [model for part in get_args(kind) for model in models(part)]


def inner(field: FieldInfo, part: type[BaseModel]) -> str:
    """What stands between the key of a section and its own keys."""
    kind = part.model_fields.get("kind")
    shown = f" ({kind.default})" if kind and kind.default is not PydanticUndefined else ""
    shown = " (own kind)" if kind and not shown else shown
    text = str(field.annotation)
    many = ".NAME" if "dict[" in text else "[]" if "tuple[" in text else ""
    return f"{many}{shown}."


def comments(model: type[BaseModel]) -> dict[str, str]:
    """By field what the comment beside it says, or the lines above it; of its bases too."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if issubclass(base, BaseModel) and base is not BaseModel:
            found |= own_comments(base)
    return found


def own_comments(model: type[BaseModel]) -> dict[str, str]:
    """Those of the fields that a class states itself."""
    lines = inspect.getsource(model).splitlines()
    body = ast.parse("\n".join(lines)).body[0].body
    fields = [node for node in body if isinstance(node, ast.AnnAssign)]
    said = {node.target.id: comment(lines, node) for node in fields}
    return {name: text for name, text in said.items() if text}


def comment(lines: list[str], node: ast.AnnAssign) -> str:
    """Behind the field, or on the lines just above it."""
    last = lines[(node.end_lineno or 1) - 1]
    if text := last[node.end_col_offset :].partition("# ")[2]:
        return text
    above: list[str] = []
    for line in reversed(lines[: node.lineno - 1]):
        if not line.strip().startswith("# "):
            break
        above.insert(0, line.strip()[2:])
    return " ".join(above)


def values(schema: dict[str, Any], known: dict[str, Any]) -> str:
    """What JSON Schema allows, in words."""
    if name := schema.get("$ref", "").removeprefix("#/$defs/"):
        return values(known[name], known)
    if kinds := schema.get("anyOf") or schema.get("oneOf"):
        return ", or ".join(dict.fromkeys(values(kind, known) for kind in kinds))
    if names := schema.get("enum") or ([schema["const"]] if "const" in schema else []):
        return ", ".join(f"`{name}`" for name in names)
    kind = schema.get("type")
    if kind == "array":
        parts = schema.get("items") or schema.get("prefixItems", [{}])[0]
        return f"a list: {values(parts, known)}"
    if kind == "object" and isinstance(inside := schema.get("additionalProperties"), dict):
        return f"a mapping: {values(inside, known)}"
    if kind in ("integer", "number"):
        return limited(schema, WHOLE if kind == "integer" else NUMBER)
    return TYPES.get(kind or "", "any value")


def limited(schema: dict[str, Any], kind: str) -> str:
    """A number with its limits."""
    words = {
        "minimum": "from {}",
        "exclusiveMinimum": "above {}",
        "maximum": "to {}",
        "exclusiveMaximum": "below {}",
    }
    limits = [text.format(f"{schema[word]:,}") for word, text in words.items() if word in schema]
    return f"{kind} {', '.join(limits)}".strip()


def default(field: FieldInfo) -> str:
    """The value of a key that is left out, as YAML; what must be there has none."""
    if field.is_required():
        return "required"
    value = to_jsonable_python(field.get_default(call_default_factory=True))
    text = f"{value:.10f}".rstrip("0") if isinstance(value, float) else json.dumps(value)
    return f"`{text.rstrip('.')}`"
