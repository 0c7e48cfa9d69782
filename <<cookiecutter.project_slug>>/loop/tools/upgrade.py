"""Move the day of the lock: `exclude-newer` in pyproject.toml, to a week ago or a given day.

    python loop/tools/upgrade.py [YYYY-MM-DD]

The week is a cool-down: most poisoned releases are found and withdrawn within days.
"""

import datetime
import re
import sys
from pathlib import Path

COOL_DOWN_DAYS = 7
SETTING = re.compile(r'^exclude-newer = "(.*)"$', re.MULTILINE)


def main() -> None:
    today = datetime.datetime.now(tz=datetime.UTC).date()
    day = today - datetime.timedelta(days=COOL_DOWN_DAYS)
    if len(sys.argv) > 1:
        try:
            day = datetime.date.fromisoformat(sys.argv[1])
        except ValueError:
            sys.exit(f"upgrade: {sys.argv[1]!r} is not a date. Write YYYY-MM-DD.")
    path = Path("pyproject.toml")
    text, n = SETTING.subn(f'exclude-newer = "{day}T00:00:00Z"', path.read_text(encoding="utf-8"))
    if n != 1:
        sys.exit("upgrade: pyproject.toml has no line `exclude-newer` under [tool.uv].")
    path.write_text(text, encoding="utf-8")
    print(f"upgrade: releases up to {day}. Next: make test, then commit uv.lock")


if __name__ == "__main__":
    main()
