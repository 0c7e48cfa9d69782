"""The endpoint that most templates ship: pydantic, a DataFrame of the row, the Pipeline."""

import pipeline
from fastapi import FastAPI
from limit import Row

app = FastAPI()
model = pipeline.load()


@app.post("/predict")
def predict(row: Row):
    """Answer one row."""
    return {"predictions": pipeline.answer(model, row.model_dump())}


@app.post("/predict/many")
def predict_many(rows: list[Row]):
    """Answer many rows."""
    return {"predictions": pipeline.answer(model, [row.model_dump() for row in rows])}
