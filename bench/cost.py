"""How long the page of costs takes: the first that a server answers, and the following ones.

Each is a whole request to the portal's application in this process, as the owner of everything and
as somebody who may edit what 202 grants say. Every asset has the record of the run that made it.
Beside the time on the clock stands that of processors, which a busy machine changes less.

    python bench/cost.py --assets 1000000 --folder somewhere
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

import panneuro
from catalog import entries, grants
from panneuro.access.actors import EVERYONE, Actor
from panneuro.access.statements import Embargo, Grant
from panneuro.catalog import SqliteCatalog
from panneuro.catalog.runs import SqliteRuns
from panneuro.core.entry import Entry
from panneuro.core.run import Run
from panneuro.lake.lake import Lake
from panneuro.portal.app import Hosting, make_app
from panneuro.portal.signing import Provider

HOST = "lake.example"
BY = ("project", "kind", "month", "person", "step", "asset", "run")
TIMES = 3
YEARS = 5


def sized(number: int) -> Iterator[Entry]:
    """Yield entries that came in over five years up to now, each of up to 200 GB."""
    rng, now = random.Random(1), datetime.now(UTC)
    for entry in entries(number):
        created = now - timedelta(days=YEARS * 365 * rng.random())
        size = rng.randrange(2 * 10**11)
        doc = {"stored_bytes": size, "stored_objects": 200, "source_bytes": 2 * size}
        yield replace(entry, created=created.isoformat(), doc=doc)


def recorded(made: Iterator[Entry]) -> Iterator[tuple[str, Run]]:
    """Yield the run that made each entry, with where its record would lie."""
    for at, entry in enumerate(made):
        said = {
            "ended": entry.created,
            "user": f"person {at % 300}",
            "core_seconds": at % 900 + 0.5,
        }
        run = Run(f"{at:064x}", "panneuro.add", {}, {}, {entry.name: entry.version}, **said)
        yield f"runs/{entry.created[:7]}/{run.key}.json", run


def filled(folder: Path, number: int) -> Lake:
    """Return a lake whose indexes know of so many assets, and the runs that made them."""
    index = folder / "lake/catalog/index.sqlite"
    index.parent.mkdir(parents=True, exist_ok=True)
    (folder / "lake/lake.toml").write_text('layout = 1\nid = "bench"\n')
    catalog, runs = SqliteCatalog(index), SqliteRuns(index.with_name("runs.sqlite"))
    if catalog.empty or not runs.records():
        catalog.index(sized(number))
        runs.add(recorded(catalog.entries()))
    catalog.close()
    runs.close()
    lake = panneuro.open(folder / "lake")
    if lake.access.is_open:
        for one in grants()[0].statements:
            if isinstance(one, Embargo):
                lake.access.say(one)
            if isinstance(one, Grant) and one.to != EVERYONE:
                lake.access.say(replace(one, role="editor"))
        lake.access.join("ada@uni.edu", "lab:smith")
        lake.grant("eve@uni.edu", "owner", "")
    return lake


async def ask(folder: Path, secret: str, tables: Sequence[str]) -> None:
    """Ask for every table, of a server that has just begun, and print how long each took."""
    for by in tables:
        provider = Provider("https://login.example", "bench", "bench")
        app = make_app(
            panneuro.open(folder / "lake"), Hosting(public_url=f"https://{HOST}", provider=provider)
        )
        said = {"authorization": f"Bearer {secret}", "accept": "text/html"}
        transport = httpx.ASGITransport(app)
        taken = []
        async with httpx.AsyncClient(transport=transport, base_url=f"https://{HOST}") as client:
            for _ in range(TIMES):
                start = time.perf_counter(), time.process_time()
                answer = await client.get("/cost", params={"by": by}, headers=said)
                answer.raise_for_status()
                taken.append((time.perf_counter() - start[0], time.process_time() - start[1]))
        cells = [*taken[0], *map(statistics.median, zip(*taken[1:], strict=True))]
        print(f"{by:12}" + "".join(f"{cell:10.2f}" for cell in cells), flush=True)


def main() -> None:
    """Fill a lake, and ask what it costs."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--assets", type=int, default=100_000)
    arguments.add_argument("--folder", type=Path, help="kept, and asked again if it is filled")
    arguments.add_argument("--by", nargs="+", choices=BY, default=BY, help="which tables")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = given.folder or Path(made)
        lake = filled(folder, given.assets)
        print(f"{len(lake):,} assets")
        for who, role in (("eve@uni.edu", "owner"), ("ada@uni.edu", "editor")):
            may = lake.as_(Actor.person(who)).allowed("edit")
            print(f"\nwho may edit {lake.index.count(may):,} of them")
            heads = ("first", "cpu", "after", "cpu")
            print(f"{'seconds, by':12}" + "".join(f"{head:>10}" for head in heads))
            secret = lake.access.token(who, timedelta(days=1), role=role).secret
            asyncio.run(ask(folder, secret, given.by))


if __name__ == "__main__":
    main()
