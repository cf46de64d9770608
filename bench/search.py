"""How long a search takes by HTTP, from the key that is pressed to the rows, with grants applied.

Each is a whole request to the portal's application in this process: who asks, what they may see,
the page of 50 with its total, its facets, and the HTML of the rows, or the same as JSON. Beside the
time on the clock stands that of processors, which a machine that is busy does not change.

    python bench/search.py --assets 1000000 --folder somewhere
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import httpx

import panneuro
from catalog import entries, grants
from panneuro.access.statements import Embargo, Grant
from panneuro.catalog import SqliteCatalog
from panneuro.lake.lake import Lake
from panneuro.portal.app import Hosting, make_app
from panneuro.portal.signing import Provider

HOST = "lake.example"
SEARCHES = (
    "", "neural activity", "theta hippocampus", "sleep w00420", "thal", "modality=ecephys",
    "species=mouse units>100", "area=CA1 units=500..600 genotype:cre", "lab=lab*", "date=2024",
)  # fmt: skip
STEPS = 12


def filled(folder: Path, number: int) -> Lake:
    """Return a lake whose index knows of so many assets, with 202 grants and two embargoes."""
    index = folder / "lake/catalog/index.sqlite"
    index.parent.mkdir(parents=True, exist_ok=True)
    (folder / "lake/lake.toml").write_text('layout = 1\nid = "bench"\n')
    catalog = SqliteCatalog(index)
    if catalog.empty:
        catalog.index(entries(number))
    catalog.close()
    lake = panneuro.open(folder / "lake")
    if lake.access.is_open:
        for one in grants()[0].statements:
            if isinstance(one, Grant | Embargo):
                lake.access.say(one)
        lake.access.join("ada@uni.edu", "lab:smith")
    return lake


async def ask(lake: Lake, secret: str) -> None:
    """Ask every search in turn, and print how long the answers took."""
    provider = Provider("https://login.example", "bench", "bench")
    app = make_app(lake, Hosting(public_url=f"https://{HOST}", provider=provider))
    said = {"authorization": f"Bearer {secret}"} if secret else {}
    forms = {"rows": {"hx-request": "true"}, "json": {"accept": "application/json"}}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=f"https://{HOST}") as client:
        for form, headers in forms.items():
            taken: dict[str, list[tuple[float, float]]] = {search: [] for search in SEARCHES}
            # Each in turn: the same twice in a row would be found as it was left.
            for search in SEARCHES * STEPS:
                start = time.perf_counter(), time.process_time()
                answer = await client.get(
                    "/assets", params={"q": search}, headers={**said, **headers}
                )
                answer.raise_for_status()
                spent = time.perf_counter() - start[0], time.process_time() - start[1]
                taken[search].append(spent)
            for search, found in taken.items():
                _row(f"{form}  {search or '(everything)'}", found)
            _row(f"{form}  all", [one for found in taken.values() for one in found])


def _row(what: str, taken: list[tuple[float, float]]) -> None:
    cells = []
    for spent in zip(*taken, strict=True):
        found = sorted(one * 1e3 for one in spent)
        cells += [
            statistics.median(found),
            statistics.quantiles(found, n=20, method="inclusive")[-1],
        ]
    print(f"{what:45}" + "".join(f"{cell:10.1f}" for cell in cells), flush=True)


def main() -> None:
    """Fill a lake, and ask it as somebody with many grants."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--assets", type=int, default=100_000)
    arguments.add_argument("--folder", type=Path, help="kept, and asked again if it is filled")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        lake = filled(given.folder or Path(folder), given.assets)
        secret = lake.access.token("ada@uni.edu", timedelta(days=1)).secret
        print(f"{len(lake):,} assets")
        heads = ("median", "p95", "cpu median", "cpu p95")
        print(f"{'milliseconds':45}" + "".join(f"{head:>10}" for head in heads))
        asyncio.run(ask(lake, secret))


if __name__ == "__main__":
    main()
