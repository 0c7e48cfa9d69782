"""Before training: do the project's schema, features and data fit each other?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mlops_loop import project, tasks
from mlops_loop.pipeline import derive, model_pipeline, split, validate

MODEL_INPUT = project.model_input()


def test_features_look_at_one_row_at_a_time(raw):
    """The same row gives the same features, whatever stands beside it and in whatever order."""
    whole = project.model_rows(raw)
    some = raw.iloc[[5, 3, len(raw) - 1, 7]]
    pd.testing.assert_frame_equal(
        project.model_rows(some), whole.loc[some.index], check_dtype=False
    )


def test_features_leave_the_raw_rows_alone(raw):
    """No column of the raw table is changed in place."""
    before = raw.copy()
    project.model_rows(raw)
    pd.testing.assert_frame_equal(raw, before)


def test_the_target_is_no_input(own):
    """Nor any column with its name."""
    assert own.target.column not in MODEL_INPUT.to_schema().columns


@pytest.mark.parametrize("part", split.PARTS)
def test_every_part_keeps_the_schema_of_the_model_input(parts, part):
    """What training, the gate and serving see is what the schema says."""
    assert validate.validate(parts[part], MODEL_INPUT).quarantined.empty
    assert len(parts[part]) > 0


def test_no_row_is_in_two_parts(parts):
    """By its key."""
    keys = pd.concat([rows[split.KEY] for rows in parts.values()])
    assert keys.is_unique


def test_most_rows_survive_cleaning(raw, parts):
    """A rule that throws away half of the data is a mistake."""
    assert sum(len(rows) for rows in parts.values()) > len(raw) / 2


def test_no_input_gives_the_target_away(parts, own):
    """A number that ranks like the target was not known before the outcome."""
    rows = pd.concat([parts["train"], parts["validation"]])
    contract = derive.derive_contract(MODEL_INPUT.to_schema(), parts["train"], own)
    target = pd.Series(tasks.of(contract).encode_target(rows, contract))
    table = pd.DataFrame(contract.encode_table(rows), columns=contract.names)
    varied = table.loc[:, table.nunique() > 1] if target.nunique() > 1 else table[[]]
    assert not (varied.corrwith(target, method="spearman").abs() >= 0.95).any()


@pytest.mark.parametrize("name", project.estimators())
def test_the_pipeline_can_be_built_for_every_estimator(parts, own, name):
    """Fitted on the training rows, it answers with finite numbers."""
    contract = derive.derive_contract(MODEL_INPUT.to_schema(), parts["train"], own)
    model = model_pipeline.build_pipeline(project.estimators()[name], contract, own.seed)
    x = contract.encode_table(parts["train"])
    y = tasks.of(contract).encode_target(parts["train"], contract)
    assert np.isfinite(model.fit(x, y).predict(x)).all()


def test_the_parameters_name_what_there_is(own, parts):
    """Slices are columns of the prepared rows, the estimator is one of estimators.py."""
    assert own.train.estimator in project.estimators()
    assert set(own.evaluate.slices) <= set(parts["holdout"].columns)
