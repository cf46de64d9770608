"""Ask DuckDB what bench/catalog.py asks the embedded catalog, on the same generated assets.

    python bench/catalog_duckdb.py --assets 1000000

DuckDB is no dependency of panneuro: install it beside to run this. The documents are flattened into
a table with a column per field; DuckDB's full-text extension is not part of its wheel, so text is
searched by a scan, without ranking.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from catalog import entries, milliseconds

FIELDS = ("species", "sex", "lab", "project", "units", "date", "area")
SELECTIVE = (
    "SELECT doc FROM asset WHERE species='Mus musculus' AND units BETWEEN 500 AND 600"
    " AND list_contains(area, 'CA1') ORDER BY date DESC LIMIT 50"
)
TEXT = (
    "SELECT doc FROM asset WHERE words LIKE '% theta %' AND words LIKE '% hippocampus %' LIMIT 50"
)


def fill(database: duckdb.DuckDBPyConnection, number: int, folder: Path) -> None:
    lines = folder / "entries.jsonl"
    with lines.open("w") as stream:
        stream.writelines(f"{entry.to_json()}\n" for entry in entries(number))
    start = time.perf_counter()
    database.execute(
        "CREATE TABLE asset AS SELECT json->>'$.name' AS name,"
        " json->>'$.fields.species' AS species,"
        " json->>'$.fields.sex' AS sex, json->>'$.fields.lab' AS lab,"
        " json->>'$.fields.project' AS project, (json->>'$.fields.units')::DOUBLE AS units,"
        " json->>'$.fields.date' AS date, (json->'$.fields.area')::VARCHAR[] AS area,"
        " ' ' || lower(json->>'$.text') || ' ' AS words, json AS doc"
        f" FROM read_ndjson_objects('{lines}')"
    )
    database.execute("CHECKPOINT")
    taken = time.perf_counter() - start
    size = (folder / "duck.db").stat().st_size / 1e6
    print(f"filling {number / taken:.0f} assets/s, {size:.0f} MB")


def facets(database: duckdb.DuckDBPyConnection, where: str) -> None:
    for column in ("species", "sex", "lab", "project", "unnest(area)"):
        database.execute(
            f"SELECT {column} AS value, count(*) AS c FROM asset WHERE {where}"
            " GROUP BY 1 ORDER BY c DESC LIMIT 10"
        ).fetchall()


def command(path: Path) -> float:
    code = (
        "import sys, duckdb;"
        "duckdb.connect(sys.argv[1], read_only=True).execute(sys.argv[2]).fetchall()"
    )
    return milliseconds(
        lambda: subprocess.run([sys.executable, "-c", code, str(path), SELECTIVE], check=True), 5
    )


def insert_one(database: duckdb.DuckDBPyConnection) -> float:
    taken = []
    for entry in list(entries(20)):
        start = time.perf_counter()
        database.execute(
            "INSERT INTO asset(name, doc) VALUES (?, ?)", [f"new_{entry.name}", entry.to_json()]
        )
        taken.append((time.perf_counter() - start) * 1e3)
    return statistics.median(taken)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--assets", type=int, default=100_000)
    arguments.add_argument("--folder", type=Path)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        path = Path(name) / "duck.db"
        database = duckdb.connect(str(path))
        print(f"DuckDB {duckdb.__version__}, {given.assets} assets")
        fill(database, given.assets, Path(name))
        ask(database)
        print(f"one more: {insert_one(database):.1f} ms")
        database.close()
        print(f"selective as a command: {command(path):.1f} ms")


def ask(database: duckdb.DuckDBPyConnection) -> None:
    for what, call in (
        ("selective, 50 newest", lambda: database.execute(SELECTIVE).fetchall()),
        ("5 facets of species=mouse", lambda: facets(database, "species='Mus musculus'")),
        ("5 facets of everything", lambda: facets(database, "true")),
        ("two words, a scan, unranked", lambda: database.execute(TEXT).fetchall()),
    ):
        print(f"{what}: {milliseconds(call, 7):.1f} ms")


if __name__ == "__main__":
    main()
