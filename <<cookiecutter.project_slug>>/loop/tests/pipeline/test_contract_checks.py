"""What clients cannot be held to is refused, with what to write in its place."""

from __future__ import annotations

import pandas as pd
import pandera.pandas as pa
import pytest

from mlops_loop import errors
from mlops_loop.pipeline.contract_checks import facts_of

WRITE = [
    (pa.Check.gt(0), "number", "'greater_than'.*ge and le"),
    (pa.Check.in_range(0, 1, include_min=False), "number", "'in_range'.*ge and le"),
    (pa.Check.ge("a"), "category", "isin or str_matches for str"),
    (pa.Check.isin([1, 2]), "integer", r"Series\[str\]"),
    (pa.Check.eq("a"), "category", r"isin=\['a'\]"),
    (pa.Check.eq(1), "integer", "ge, le and in_range for numbers"),
    (pa.Check(lambda values: values > 1, name="mine"), "number", "'mine'.*RawRows"),
    (pa.Check(lambda values: values > 1, name="in_range"), "number", "'in_range'.*RawRows"),
    (pa.Check.unique_values_eq(["a"]), "category", "RawRows"),
]


@pytest.mark.parametrize(("check", "kind", "advice"), WRITE, ids=str)
def test_another_check_is_refused_with_what_to_write(check, kind, advice):
    """Also one of the user's own that has the name of another."""
    with pytest.raises(errors.UsageError, match=f"ModelInput.a .*for a {kind}.*Next: .*"):
        facts_of("a", pa.Column(None, check), kind)
    with pytest.raises(errors.UsageError, match=advice):
        facts_of("a", pa.Column(None, check), kind)


TEXTS = ["", "a", "ab", "a.b", "b", "a\\b", "abc", "b.a", "1"]
SAME = [
    pa.Check.str_startswith("a."),
    pa.Check.str_endswith(".a"),
    pa.Check.str_contains("a|b."),
    pa.Check.str_length(1, 2),
    pa.Check.str_length(2),
    pa.Check.str_length(min_value=2),
    pa.Check.str_length(max_value=1),
    pa.Check.ne("a"),
    pa.Check.notin(["a", "b", "a.b"]),
]


@pytest.mark.parametrize("check", SAME, ids=str)
def test_the_pattern_to_write_means_the_same(check):
    """On texts with what regular expressions take for signs."""
    with pytest.raises(errors.UsageError) as refused:
        facts_of("a", pa.Column(str, check), "category")
    pattern = eval(str(refused.value).rpartition("str_matches=")[2])
    values = pd.Series(TEXTS)
    written = pa.Check.str_matches(pattern)
    assert written(values).check_output.tolist() == check(values).check_output.tolist()
