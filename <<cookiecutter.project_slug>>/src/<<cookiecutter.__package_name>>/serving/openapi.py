"""The OpenAPI description of `/predict`, derived from the contract, with real examples.

The route itself takes and gives bytes, so FastAPI cannot describe it; this does.
"""

from __future__ import annotations

from typing import Any

from ..contract import Column, Contract
from .model import Model
from .problems import describe, plain, sentence
from .rows import Row, limits

JsonSchema = dict[str, Any]


def complete(document: JsonSchema, model: Model) -> JsonSchema:
    """Add body, answers and components of `/predict` to FastAPI's own document."""
    operation = document["paths"]["/predict"]["post"]
    operation["requestBody"] = _request_body(model.golden)
    operation["responses"]["200"]["content"] = _answer_content(model)
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas |= {
        "Row": _row(model.contract),
        "Prediction": _prediction(model.contract),
        "Answer": _answer(model.contract),
        "Answers": _answers(model.contract),
    }
    return document


def _request_body(golden: tuple[Row, ...]) -> JsonSchema:
    row = {"$ref": "#/components/schemas/Row"}
    schema = {"oneOf": [row, {"type": "array", "items": row, "minItems": 1}]}
    examples = {
        "row": {"summary": "One row", "value": golden[0]},
        "rows": {"summary": "Several rows", "value": list(golden[:3])},
    }
    content = {"application/json": {"schema": schema, "examples": examples}}
    return {"required": True, "content": content}


def _answer_content(model: Model) -> JsonSchema:
    schema = {"oneOf": [{"$ref": f"#/components/schemas/{name}"} for name in ("Answer", "Answers")]}
    example = {"summary": "For one row", "value": model.predict_one(model.golden[0])}
    return {"application/json": {"schema": schema, "examples": {"row": example}}}


def _row(contract: Contract) -> JsonSchema:
    return {
        "title": "Row",
        "type": "object",
        "properties": {column.name: column_schema(column) for column in contract.columns},
        "required": [column.name for column in contract.columns if not column.nullable],
        "additionalProperties": False,
    }


def column_schema(column: Column) -> JsonSchema:
    """JSON Schema of one value."""
    text = f"{column.description}. " if column.description else ""
    schema = {
        **_value_schema(column),
        "title": column.title or column.name,
        "description": f"{text}{sentence(describe(column))}.",
    }
    if column.example is not None:
        schema["examples"] = [column.example]
    return schema


def _value_schema(column: Column) -> JsonSchema:
    null = [None] if column.nullable else []
    kind = {"category": "string"}.get(column.kind, column.kind)
    schema: JsonSchema = {"type": [kind, "null"] if column.nullable else kind}
    if column.kind == "category" and column.closed:
        return schema | {"enum": [*column.levels, *null]}
    if column.kind == "category":
        return schema | ({"pattern": f"^(?:{column.pattern})"} if column.pattern else {})
    if column.kind == "boolean":
        return schema
    low, high = limits(column)
    return schema | {"minimum": low, "maximum": high}


def _prediction(contract: Contract) -> JsonSchema:
    properties = _prediction_properties(contract)
    return {
        "title": "Prediction",
        "type": "object",
        "properties": properties,
        "required": list(properties),
    }


def _prediction_properties(contract: Contract) -> JsonSchema:
    if contract.task == "regression":
        unit = f", in {contract.target_unit}" if contract.target_unit else ""
        return {"prediction": {"type": "number", "description": f"{contract.target}{unit}."}}
    share: JsonSchema = {"type": "number", "minimum": 0, "maximum": 1}
    classes = dict.fromkeys(contract.classes, share)
    return {
        "prediction": {"type": "string", "enum": list(contract.classes)},
        "probability": share | {"description": _probability(contract)},
        "probabilities": {"type": "object", "properties": classes, "required": list(classes)},
    }


def _probability(contract: Contract) -> str:
    if len(contract.classes) != 2:
        return "Probability of the predicted class."
    positive, threshold = contract.classes[1], plain(contract.threshold)
    return f"Probability of {positive!r}, which is predicted from {threshold} on."


def _about(contract: Contract) -> JsonSchema:
    version = {"model_version": {"type": "string", "description": "The registered version."}}
    return ({"unit": {"type": "string"}} if contract.task == "regression" else {}) | version


def _answer(contract: Contract) -> JsonSchema:
    properties = _prediction_properties(contract) | _about(contract)
    return {
        "title": "Answer",
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _answers(contract: Contract) -> JsonSchema:
    predictions = {"type": "array", "items": {"$ref": "#/components/schemas/Prediction"}}
    properties = {"predictions": predictions} | _about(contract)
    return {
        "title": "Answers",
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
