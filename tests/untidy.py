"""Tables as people have them, made by chance with fixed seeds: untidy, small, and with a signal."""

import csv
import math
import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

Rows = Iterator[dict[str, object]]


@dataclass(frozen=True)
class Table:
    """A table by its file, what `loop schema` is told of it, and how its CSV is written.

    least: how many rows have to be trained on, validated and held out.
    """

    file: str
    rows: Callable[[random.Random], Rows]
    options: str
    least: int
    encoding: str = "utf-8"
    separator: str = ","


def chance(rng: random.Random, score: float) -> bool:
    """Draw yes or no, with the odds exp(score)."""
    return rng.random() < 1 / (1 + math.exp(-score))


def gap(rng: random.Random, share: float, value: object) -> object:
    """Return the value, or one of the words that people write where there is none."""
    return rng.choice(["", "NA", "n/a", ""]) if rng.random() < share else value


def orchard(rng: random.Random) -> Rows:
    """Yield trees with damage in three classes; of most measurements every fifth is missing."""
    for number in range(1, 721):
        wet, age = rng.gauss(60, 15), rng.randint(2, 40)
        score = (wet - 60) / 15 + (age - 20) / 20 + rng.gauss(0, 0.5)
        damage = "none" if score < -0.4 else "mild" if score < 0.7 else "severe"
        yield {
            "tree": f"T{number:04}",
            "leaf_wetness": gap(rng, 0.2, round(wet, 1)),
            "age": gap(rng, 0.1, age),
            "soil_ph": gap(rng, 0.3, round(rng.gauss(6.4, 0.4), 2)),
            "variety": gap(rng, 0.15, rng.choice(["Boskoop", "Elstar", "Topaz", "Cox's Orange"])),
            "irrigated": gap(rng, 0.2, rng.choice(["true", "false"])),
            "damage": "" if rng.random() < 0.03 else damage,
        }


def flats(rng: random.Random) -> Rows:
    """Yield flats with names of columns as a form in French and German has them."""
    for number in range(640):
        area, year = round(rng.lognormvariate(4.2, 0.4), 1), rng.randint(1890, 2023)
        floor = rng.choice(["rez-de-chaussée", "1er étage", "2e étage", "dernier étage"])
        price = area * (31 + (year > 1990) * 9) + 120 * floor.startswith("dernier")
        yield {
            "N° d'annonce": f"a-{number}",
            "Surface habitable (m²)": area,
            "Année de construction": year if rng.random() < 0.93 else "",
            "Étage": floor,
            "Größe Balkon/Terrasse": round(abs(rng.gauss(4, 3)), 1) if rng.random() < 0.6 else "",
            "% humidité": rng.randint(30, 75),
            "class": rng.choice(["A", "B", "C", "D"]),
            "Loyer mensuel (€)": round(price * rng.lognormvariate(0, 0.12), 2),
        }


def orders(rng: random.Random) -> Rows:
    """Yield orders whose ids have 18 digits, many of which differ in the last one only."""
    first = 100_000_000_000_000_000
    for number in range(900):
        amount, channel = round(rng.lognormvariate(3.5, 0.8), 2), rng.choice(["app", "web", "shop"])
        score = (amount - 40) / 20 + 1.5 * (channel == "web") - 0.8
        yield {
            "order_id": first + number,
            "article": f"{rng.randint(1, 60):05}",
            "amount": amount,
            "items": rng.randint(1, 6),
            "channel": channel,
            "returned": "yes" if chance(rng, score) else "no",
        }


def german(value: float, digits: int = 1) -> str:
    """Return 1234.5 as 1.234,5."""
    return f"{value:,.{digits}f}".translate(str.maketrans(",.", ".,"))


def heating(rng: random.Random) -> Rows:
    """Yield readings of meters as a German utility exports them."""
    for number in range(760):
        day = date(2023, 1, 1) + timedelta(days=number // 2)
        use, pressure = rng.lognormvariate(6.8, 0.5), rng.gauss(1.6, 0.3)
        fault = chance(rng, 6 * (1.4 - pressure) + (use - 1000) / 400)
        yield {
            "Zähler": f"Z-{number % 40:03}",
            "Datum": f"{day:%d.%m.%Y}",
            "Straße": rng.choice(["Müllerstraße", "Am Bühl", "Schloßallee"]),
            "Verbrauch kWh": german(use),
            "Druck": german(pressure, 2) if rng.random() < 0.95 else "",
            "Störung": "ja" if fault else "nein",
        }


def payments(rng: random.Random) -> Rows:
    """Yield payments, of which fewer than one in a hundred is fraud."""
    for number in range(3000):
        fraud = number % 112 == 7
        amount = rng.lognormvariate(5.0 if fraud else 3.4, 0.9)
        night = rng.random() < (0.6 if fraud else 0.15)
        yield {
            "payment": f"p{number}",
            "amount": round(amount, 2),
            "hour": rng.choice([0, 1, 2, 3]) if night else rng.randint(6, 23),
            "country": rng.choice("AT CH DE DE XX".split()[: 5 if fraud else 4]),
            "card_age_days": int(rng.expovariate(1 / (200 if fraud else 700))),
            "fraud": int(fraud),
        }


def customers(rng: random.Random) -> Rows:
    """Yield rows of a database, in which any column but the id may be NULL."""
    for number in range(1, 801):
        calls, since = rng.randint(0, 9), rng.randint(2005, 2023)
        churned = chance(rng, 0.7 * calls - 3 + (2015 - since) / -6)
        row = {
            "calls": calls,
            "member_since": since,
            "plan": rng.choice(["basic", "plus", "family"]),
            "monthly_fee": rng.choice([9.9, 14.9, 24.9]),
            "paperless": int(rng.random() < 0.4),
        }
        yield {"id": number} | {
            name: None if rng.random() < 0.12 else value for name, value in row.items()
        } | {"churned": int(churned)}  # fmt: skip


TABLES = {
    "three classes with gaps": Table("trees.csv", orchard, "--target damage", 600),
    "names with blanks and accents": Table(
        "annonces.csv", flats, '--target "Loyer mensuel (€)"', 600
    ),
    "ids of 18 digits": Table("orders.csv", orders, "--target returned --positive yes", 900),
    "a European CSV": Table(
        "zähler.csv", heating, '--target "Störung" --positive ja', 700, "latin-1", ";"
    ),
    "a rare class": Table("payments.csv", payments, "--target fraud --positive 1", 3000),
    "a database with NULLs": Table("customers.db", customers, "--target churned --positive 1", 800),
}


def write(table: Table, folder: Path) -> Path:
    """Write a table into a folder, as a CSV or as the table `customers` of SQLite."""
    path, rows = folder / table.file, list(table.rows(random.Random(table.file)))  # noqa: S311
    folder.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".db":
        with closing(sqlite3.connect(path)) as database, database:
            database.execute(f"CREATE TABLE customers ({', '.join(rows[0])})")
            values = [tuple(row.values()) for row in rows]
            database.executemany("INSERT INTO customers VALUES (?, ?, ?, ?, ?, ?, ?)", values)
        return path
    with path.open("w", encoding=table.encoding, newline="") as file:
        writer = csv.DictWriter(file, rows[0], delimiter=table.separator)
        writer.writeheader()
        writer.writerows(rows)
    return path
