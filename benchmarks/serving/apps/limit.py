"""The limit: FastAPI checks the same body with pydantic, and a constant is the answer."""

import json
import os
from pathlib import Path
from typing import Annotated, Literal

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field, create_model

BUNDLE = Path("models/bundle/contract.json")


def field(column: dict) -> tuple:
    """Return type and default of a column of the contract."""
    if column["kind"] == "category" and column["closed"]:
        kind = Literal[tuple(column["levels"])]
    elif column["kind"] == "category":
        kind = str
    else:
        kind = Annotated[float, Field(ge=column["minimum"], le=column["maximum"])]
    return (kind | None, None) if column["nullable"] else (kind, ...)


class Strict(BaseModel):
    """A row without other columns."""

    model_config = ConfigDict(extra="forbid")


class Answer(BaseModel):
    """What a prediction looks like."""

    prediction: str
    probability: float
    model_version: str


columns = json.loads(BUNDLE.read_text())["columns"]
Row = create_model("Row", __base__=Strict, **{c["name"]: field(c) for c in columns})
app = FastAPI()
CONSTANT = {"prediction": "late", "probability": 0.5, "model_version": os.environ.get("V", "v1")}


@app.post("/predict", response_model=Answer)
async def predict(row: Row):
    """Answer one row."""
    return CONSTANT


@app.post("/predict/many", response_model=list[Answer])
async def predict_many(rows: list[Row]):
    """Answer many rows."""
    return [CONSTANT] * len(rows)
