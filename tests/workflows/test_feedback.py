"""`loop feedback propose` in a project as it is generated: a file, a report, what to do."""

from .test_runbook import environment, person  # noqa: F401  # fixtures

LOG = """
import json, pathlib
from mlops_loop.model import bundle
from mlops_loop.prediction_log.database import Database, Logged, Outcome
from mlops_loop.prediction_log.ids import new_id, utc

golden = [line["row"] for line in bundle.load(pathlib.Path("build/champion")).golden()]
at = 1767607200000000000  # 2026-01-05T10:00:00Z
answers = json.dumps([{"prediction": "late"}] * len(golden))
facts = "v1.0.0", "", 1.0, "ada", len(golden), json.dumps(golden), answers
log = Database(f"sqlite:///{pathlib.Path.cwd()}/log.db", writes=True)
id_ = new_id(at)
with log.cursor() as cursor:
    cursor.insert("predictions", [Logged(id_, utc(at), *facts)], "DO NOTHING")
log.keep([Outcome(id_, place, utc(at), json.dumps("late")) for place in range(10)])
log.close()
"""
FETCH = """
import pathlib
from mlops_loop.monitoring.traffic.opened import production
print(production(pathlib.Path()).version)
"""
NEEDED = "an outcome is a class, and the source has the number 'arr_delay' (target.above)"


def test_feedback_that_the_source_cannot_take(person):  # noqa: F811
    """The log has outcomes; a class is no delay in minutes, so a person has to make rows of it."""
    ada = person()
    (ada.folder / "build").mkdir(exist_ok=True)
    for name, code in {"fetch": FETCH, "log": LOG}.items():
        (ada.folder / "build" / f"{name}.py").write_text(code)
        ada.says(f"uv run --frozen python build/{name}.py", succeed=True)
    assert "A replay's rows are no feedback" in ada.loop("feedback propose --since 2026-01-05")
    monitor = ada.folder / "monitor.yaml"
    replay = "{kind: replay, path: data/later/*.csv}"
    assert replay in monitor.read_text()
    monitor.write_text(monitor.read_text().replace(replay, "{kind: folder, path: build/log}"))
    exported = ada.says("uv run --frozen loop log export --url sqlite:///$PWD/log.db build/log")
    assert "1 days written" in exported
    said = ada.loop("feedback propose --since 2026-01-05 --until 2026-01-07")
    assert said.startswith("10 rows in build/feedback/feedback-")
    assert f"Not proposed: {NEEDED}. Next: make raw rows of it" in said
    (file,) = (ada.folder / "build" / "feedback").glob("*.csv")
    head, *rows = file.read_text().splitlines()
    assert head.startswith("carrier,origin,dest,departure_hour") and head.endswith(",arr_delay")
    assert len(rows) == 10 and all(row.endswith(",late") for row in rows)
    report = file.with_suffix(".md").read_text()
    assert "| 2026-01-05 | 50 | 10 | 20% |" in report and "Who has an outcome" in report
    assert ada.world.github.rows("issues") == []
    assert ada.world.git("ls-remote", "--heads", "origin").count("refs/heads/") == 1
