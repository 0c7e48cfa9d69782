"""JSON texts are read as json reads them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_loop.json_texts import parsed


@given(
    st.lists(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
            lambda some: st.lists(some) | st.dictionaries(st.text(), some),
            max_leaves=8,
        )
    )
)
def test_texts_are_read_as_json_writes_them(values):
    """Also floats, large numbers, and what no strict reader takes: half of a character."""
    assert parsed([json.dumps(value) for value in values]) == values
    assert parsed([json.dumps(values), None, '"\\ud800"']) == [values, None, "\ud800"]


def test_a_text_that_is_no_json():
    """Is no value."""
    with pytest.raises(ValueError, match="Expecting"):
        parsed(["{}", "{"])


@pytest.mark.parametrize("text", ["1, 2", "", "1]["])
def test_a_text_is_one_value(text):
    """The texts beside it do not make up for it."""
    with pytest.raises(ValueError, match=r"Expecting|Extra|more than one"):
        parsed(["{}", text])
