"""Measure the embedded catalog beside plain SQLite with JSON, on the same generated assets.

    python bench/catalog.py --assets 1000000

Both are filled from the same deterministic entries (about 1.6 KB of JSON each) and asked the same
questions in one run. Plain SQLite is what one writes first: JSON documents with stored generated
columns and indexes, a table of tags for lists, and FTS5.
"""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import batched
from pathlib import Path

from panneuro.access.actors import Actor
from panneuro.access.policy import Policy
from panneuro.access.statements import Embargo, Grant
from panneuro.catalog import SqliteCatalog
from panneuro.core.entry import Entry
from panneuro.core.query import parse

SPECIES = ("Mus musculus", "Rattus norvegicus", "Macaca mulatta", "Homo sapiens", "Danio rerio")
GENOTYPES = ("wt/wt", "Sst-IRES-Cre", "Vip-IRES-Cre", "Pvalb-IRES-Cre", "Emx1-Cre", "Ai32")
PROBES = ("Neuropixels 1.0", "Neuropixels 2.0", "Neuropixels Ultra", "tetrode", "silicon probe")
FORMATS = ("nwb", "spikeglx", "openephys", "intan", "neuralynx", "blackrock")
HAS = ("ap", "lfp", "units", "trials", "video", "running", "pupil", "licks")
MODALITIES = ("ecephys", "behavior", "video", "ophys", "icephys")
PARENTS = {
    "VISp": ("VIS", "Isocortex"), "VISl": ("VIS", "Isocortex"), "VISam": ("VIS", "Isocortex"),
    "MOs": ("MO", "Isocortex"), "MOp": ("MO", "Isocortex"), "ACAd": ("ACA", "Isocortex"),
    "ORBl": ("ORB", "Isocortex"), "PL": ("Isocortex",), "SSp-bfd": ("SSp", "SS", "Isocortex"),
    "CA1": ("CA", "HIP", "HPF"), "CA3": ("CA", "HIP", "HPF"), "DG-mo": ("DG", "HIP", "HPF"),
    "SUB": ("RHP", "HPF"), "LGd": ("TH",), "LP": ("TH",), "VPM": ("TH",), "CP": ("STR",),
    "ACB": ("STR",), "SNr": ("MB",), "VTA": ("MB",), "SCs": ("MB",), "PAG": ("MB",),
    "BLA": ("CTX",),
}  # fmt: skip
COMMON = (
    "neural activity recorded during visual grating stimulus presentation behaviour "
    "hippocampus cortex spike sorting neuropixels probe mouse task decision reward "
    "locomotion pupil arousal thalamus optogenetic perturbation memory place cells "
    "theta gamma ripple oscillation field potential motor learning sensory evidence "
    "accumulation saccade licking sleep replay odor auditory whisker two photon "
)
WORDS = [*COMMON.split(), *(f"w{i:05d}" for i in range(20_000))]
TERMS = ("neural activity", "theta hippocampus", "sleep w00420")


def entries(number: int) -> Iterator[Entry]:
    """Yield deterministic entries, 5 % of them newer versions of earlier ones."""
    rng = random.Random(7)
    weights = [1 / (rank + 10) for rank in range(len(WORDS))]
    for start in range(0, number, 1000):
        words = iter(rng.choices(WORDS, weights, k=18_000))
        for i in range(start, min(start + 1000, number)):
            yield _entry(i, rng, words)


def _entry(i: int, rng: random.Random, words: Iterator[str]) -> Entry:
    pick = rng.random
    again = i > 100 and pick() < 0.05
    subject = int(pick() ** 2 * 60_000)
    when = 1.42e9 + pick() * 3.7e8
    day = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(when))
    areas = rng.choices(list(PARENTS), k=1 + int(pick() * 4))
    lab = int(pick() ** 1.5 * 300)
    channels = 384 * (1 + int(pick() * 4))
    number = i - 1 - int(pick() * 90) if again else i
    fields = {
        "kind": "raw" if pick() < 0.7 else "derived",
        "modality": rng.sample(MODALITIES, 1 + int(pick() * 3)),
        "subject": f"{600000 + subject}",
        "species": rng.choices(SPECIES, (70, 18, 6, 5, 1))[0],
        "sex": "MFU"[int(pick() * 2.2)],
        "strain": f"strain {int(pick() ** 2 * 40)}",
        "genotype": GENOTYPES[int(pick() * 6)],
        "age_days": 30 + int(pick() * 700),
        "lab": f"lab {lab:03d}",
        "institution": f"institution {lab // 5}",
        "project": f"project {int(pick() ** 2 * 2000):04d}",
        "experimenter": [f"Person {int(pick() ** 2 * 3000)}"],
        "protocol": f"protocol {int(pick() ** 2 * 400)}",
        "session": f"ses-{subject}-{int(pick() * 12)}",
        "date": day,
        "duration_s": round(600 + pick() * 8400, 2),
        "units": int(rng.lognormvariate(5.5, 1)),
        "channels": channels,
        "trials": int(pick() * 900),
        "size_bytes": int(rng.lognormvariate(24, 1.2)),
        "area": list(dict.fromkeys(a for area in areas for a in (area, *PARENTS[area]))),
        "probe": [PROBES[int(pick() * 5)]],
        "format": FORMATS[int(pick() * 6)],
        "has": rng.sample(HAS, 2 + int(pick() * 5)),
        "licence": "CC-BY-4.0" if pick() < 0.8 else "CC0-1.0",
        "quality": ("good", "fair", "unsure", "bad")[int(pick() ** 2 * 4)],
        "extensions.rig.name": f"rig {int(pick() * 80)}",
    }
    text = " ".join(next(words) for _ in range(10 + int(pick() * 8)))
    doc = {
        "uri": f"assets/{i:07d}/zarr.json",
        "streams": [
            {"path": f"acquisition/{name}", "shape": [int(fields["duration_s"] * rate), channels],
             "dtype": "int16", "rate_hz": rate, "chunks": [rate, 48]}
            for name, rate in (("AP", 30_000), ("LF", 2_500), ("running", 100))
        ],
    }  # fmt: skip
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(when + 9e4 + i * again))
    name = f"ecephys_{600000 + number % 60_000}_{number:07d}"
    return Entry(name, f"{i}", created, f"sha256:{i:064x}", fields, text, doc)


class Plain:
    """JSON documents, stored generated columns, a table of tags and FTS5."""

    def __init__(self, path: Path) -> None:
        self.db = sqlite3.connect(path, isolation_level=None)
        if path.stat().st_size:
            return
        columns = "".join(
            f", {name} GENERATED ALWAYS AS (json_extract(doc, '$.fields.{name}')) STORED"
            for name in ("species", "lab", "project", "units", "date", "sex", "genotype", "quality")
        )
        self.db.executescript(
            "PRAGMA journal_mode=wal; PRAGMA synchronous=normal; PRAGMA cache_size=-65536;"
            "PRAGMA mmap_size=4294967296;"
            f"CREATE TABLE asset(n INTEGER PRIMARY KEY, name TEXT, doc TEXT{columns});"
            "CREATE TABLE tag(kind TEXT, value TEXT, n INT, PRIMARY KEY(kind, value, n))"
            " WITHOUT ROWID;"
            "CREATE VIRTUAL TABLE ft USING fts5(words, content='');"
        )

    def fill(self, number: int) -> None:
        self.db.execute("BEGIN")
        for chunk in batched(enumerate(entries(number), 1), 10_000):
            self._insert(chunk)
        for columns in ("species, units", "date", "lab", "project", "name"):
            self.db.execute(f"CREATE INDEX i_{columns[:4]} ON asset({columns})")
        self.db.execute("COMMIT")
        self.db.execute("ANALYZE")

    def _insert(self, chunk: tuple[tuple[int, Entry], ...]) -> None:
        self.db.executemany(
            "INSERT INTO asset(n, name, doc) VALUES(?,?,?)",
            ((n, entry.name, entry.to_json()) for n, entry in chunk),
        )
        self.db.executemany(
            "INSERT OR IGNORE INTO tag VALUES(?,?,?)",
            (
                (kind, value, n)
                for n, entry in chunk
                for kind in ("area", "modality", "has")
                for value in entry.fields[kind]
            ),
        )
        self.db.executemany(
            "INSERT INTO ft(rowid, words) VALUES(?,?)", ((n, e.words()) for n, e in chunk)
        )

    def selective(self) -> object:
        return self.db.execute(
            "SELECT doc FROM asset a WHERE species='Mus musculus' AND units BETWEEN 500 AND 600"
            " AND EXISTS(SELECT 1 FROM tag t WHERE t.kind='area' AND t.value='CA1' AND t.n=a.n)"
            " ORDER BY date DESC LIMIT 50"
        ).fetchall()

    def facets(self, where: str) -> object:
        found = [
            self.db.execute(
                f"SELECT {column}, count(*) c FROM asset WHERE {where} GROUP BY 1"
                " ORDER BY c DESC LIMIT 10"
            ).fetchall()
            for column in ("species", "sex", "lab", "project")
        ]
        area = self.db.execute(
            "SELECT value, count(*) c FROM tag t JOIN asset USING(n)"
            f" WHERE kind='area' AND {where} GROUP BY 1 ORDER BY c DESC LIMIT 10"
        ).fetchall()
        return [*found, area]

    def may(self) -> str:
        """Return the same policy as a condition."""
        projects = ",".join(f"'{project}'" for project in PROJECTS)
        labs = ",".join(f"'{lab}'" for lab in LABS)
        return (
            f"(project IN ({projects}) OR lab IN ({labs}) AND quality='good' AND units>300"
            " OR (doc ->> '$.fields.licence'='CC0-1.0' OR sex='F' AND EXISTS(SELECT 1 FROM tag t"
            " WHERE t.kind='area' AND t.value='VISp' AND t.n=asset.n))"
            " AND quality!='unsure' AND date<'2026')"
        )

    def granted(self, where: str) -> object:
        where = f"{where} AND {self.may()}"
        return self.db.execute(
            f"SELECT doc, count(*) OVER () FROM asset WHERE {where} ORDER BY date DESC LIMIT 50"
        ).fetchall()

    def ranked(self, terms: str) -> object:
        return self.db.execute(
            "SELECT doc FROM ft JOIN asset a ON a.n=ft.rowid WHERE ft MATCH ?"
            " ORDER BY rank LIMIT 50",
            (terms,),
        ).fetchall()


def questions(ours: SqliteCatalog, plain: Plain) -> Iterator[tuple[str, Callable, Callable, int]]:
    """Yield (what, ours, theirs, repetitions of theirs)."""
    selective = parse(species="Mus musculus", area="CA1", units="500..600")
    fields = ("species", "sex", "lab", "project", "area")
    mouse, everything = parse(species="Mus musculus"), parse("")
    yield "selective, 50 newest", lambda: ours.find(selective), plain.selective, 5
    yield (
        "5 facets of species=mouse",
        lambda: ours.facets(mouse, fields),
        lambda: plain.facets("species='Mus musculus'"),
        1,
    )
    yield (
        "5 facets of everything",
        lambda: ours.facets(everything, fields),
        lambda: plain.facets("1"),
        1,
    )
    for terms in TERMS:
        yield (
            f"ranked {terms!r}",
            lambda terms=terms: ours.find(parse(terms), sort="rank"),
            lambda terms=terms: plain.ranked(terms),
            5,
        )
    yield (
        "50 newest of species=mouse units>100",
        lambda: ours.find(mouse & parse("units>100")),
        lambda: plain.db.execute(
            "SELECT doc FROM asset WHERE species='Mus musculus' AND units>100"
            " ORDER BY date DESC LIMIT 50"
        ).fetchall(),
        5,
    )
    policy, ada = grants()
    visible = lambda: policy.visible(ada, datetime.now(UTC))  # noqa: E731
    yield (
        "the same, within 202 grants",
        lambda: ours.find(mouse & parse("units>100") & visible()),
        lambda: plain.granted("species='Mus musculus' AND units>100"),
        3,
    )
    yield (
        "ranked 'neural activity', within 202 grants",
        lambda: ours.find(parse(TERMS[0]) & visible(), sort="rank"),
        lambda: None,
        1,
    )
    yield (
        "5 facets of everything, within 202 grants",
        lambda: ours.facets(visible(), fields),
        lambda: plain.facets(plain.may()),
        1,
    )


PROJECTS = [f"project {at:04d}" for at in range(0, 1000, 10)]
LABS = [f"lab {at:03d}" for at in range(100)]


def grants() -> tuple[Policy, Actor]:
    """Return a policy of 202 grants and two embargoes, and somebody whom it is about."""
    said = {"by": "local", "at": "2026-01-01"}
    ada = Actor.person("ada@uni.edu", ["lab:smith"])
    queries = [("ada@uni.edu", parse(project=project)) for project in PROJECTS]
    queries += [("lab:smith", parse(lab=lab, quality="good", units=">300")) for lab in LABS]
    queries += [("everyone", parse(licence="CC0-1.0")), ("everyone", parse(area="VISp", sex="F"))]
    statements = [Grant(to=to, role="reader", on=on, **said) for to, on in queries]
    hidden = (parse(quality="unsure"), parse(date="2026"))
    embargoes = [Embargo(on=on, until="2099-01-01", **said) for on in hidden]
    return Policy([*statements, *embargoes]), ada


def milliseconds(
    call: Callable[[], object], times: int, clock: Callable[[], float] = time.perf_counter
) -> float:
    taken = []
    for _ in range(times):
        start = clock()
        call()
        taken.append((clock() - start) * 1e3)
    return statistics.median(taken)


def command(lake: Path) -> float:
    """Return the milliseconds of a ranked search by the command, in a process of its own."""
    panneuro = Path(sys.executable).parent / "panneuro"
    line = [panneuro, "find", "--lake", lake, "--sort", "rank", *TERMS[0].split()]
    return milliseconds(lambda: subprocess.run(line, check=True, capture_output=True), 7)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--assets", type=int, default=100_000)
    arguments.add_argument("--folder", type=Path, help="kept, and asked again if it is filled")
    arguments.add_argument(
        "--alone",
        action="store_true",
        help="ask ours only, and count processor time: for a machine that is busy",
    )
    given = arguments.parse_args()
    if given.alone:
        ask_alone(given.assets, given.folder)
        return
    with tempfile.TemporaryDirectory() as folder:
        compare(given.assets, given.folder or Path(folder))


def ask_alone(number: int, folder: Path | None) -> None:
    index = folder / "lake/catalog/index.sqlite" if folder else None
    ours = SqliteCatalog(index)
    if ours.empty:
        ours.index(entries(number))
    print(f"{ours.count(parse('')):,} assets, milliseconds of a processor")
    with tempfile.TemporaryDirectory() as nothing:
        for what, ask, _, _ in questions(ours, Plain(Path(nothing) / "plain.sqlite")):
            row(what, milliseconds(ask, 9, time.process_time), 0)


def compare(number: int, folder: Path) -> None:
    start = time.perf_counter()
    sample = [len(entry.to_json()) for entry in entries(min(number, 5_000))]
    making = (time.perf_counter() - start) / len(sample) * number
    print(f"{number} assets, {statistics.mean(sample):.0f} bytes of JSON each")
    index = folder / "lake/catalog/index.sqlite"
    index.parent.mkdir(parents=True, exist_ok=True)
    (folder / "lake/lake.toml").write_text('layout = 1\nid = "bench"\n')
    ours, plain = SqliteCatalog(index), Plain(folder / "plain.sqlite")
    print(f"{'':40} {'ours':>10} {'plain':>10} {'ratio':>8}")
    if ours.empty:
        mine = milliseconds(lambda: ours.index(entries(number)), 1) / 1e3 - making
        theirs = milliseconds(lambda: plain.fill(number), 1) / 1e3 - making
        row("filling, assets/s", number / mine, number / theirs, more=True)
    row(
        "size, MB",
        *(path.stat().st_size / 1e6 for path in (index, folder / "plain.sqlite")),
    )
    for what, ask, ask_plain, times in questions(ours, plain):
        row(f"{what}, ms", milliseconds(ask, 15), milliseconds(ask_plain, times))
    row("ranked as a command, ms", command(folder / "lake"), 0)
    extra = iter(list(entries(20)))
    row("indexing one more, ms", milliseconds(lambda: ours.index([_renamed(next(extra))]), 20), 0)


def _renamed(entry: Entry) -> Entry:
    value = json.loads(entry.to_json())
    return Entry.from_json(json.dumps({**value, "name": f"{entry.name}_{time.time_ns()}"}))


def row(what: str, ours: float, plain: float, *, more: bool = False) -> None:
    ratio = (ours / plain if more else plain / ours) if plain else 0
    shown = f"{plain:10.1f} {ratio:7.1f}x" if plain else f"{'':10} {'':8}"
    print(f"{what:40} {ours:10.1f} {shown}", flush=True)


if __name__ == "__main__":
    main()
