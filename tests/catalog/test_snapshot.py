"""A snapshot answers as a catalog does, from a file alone."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from panneuro.catalog import SqliteCatalog
from panneuro.catalog.snapshot import SnapshotCatalog, write_snapshot
from panneuro.core.entry import Entry
from panneuro.core.errors import CorruptionError
from panneuro.core.query import parse
from panneuro.testing.catalog import Make, SearchConformance


class TestSnapshot(SearchConformance):
    @pytest.fixture
    def make(self) -> Make:
        def made(entries: Sequence[Entry]) -> SnapshotCatalog:
            file = io.BytesIO()
            in_order = sorted(entries, key=lambda entry: entry.name)
            assert write_snapshot(in_order, file) == len(entries)
            return SnapshotCatalog(file.getvalue())

        return made


def test_a_catalog_becomes_a_snapshot_that_pyarrow_reads(tmp_path: Path) -> None:
    path = tmp_path / "catalog.parquet"
    old, new = (
        Entry("a", version, f"2024-01-0{version}", version, {"area": "CA1", "units": 3}, "text")
        for version in ("1", "2")
    )
    with SqliteCatalog() as catalog:
        catalog.index([new, Entry("b", "1", "2024-01-01", "b"), old])
        assert write_snapshot(catalog.entries(), path) == 3
    table = pq.read_table(path)
    assert table.column("field:area").to_pylist() == [["CA1"], ["CA1"], None]
    told = dict(
        zip(*(table.column(name).to_pylist() for name in ("digest", "latest")), strict=True)
    )
    assert told == {"1": False, "2": True, "b": True}
    snapshot = SnapshotCatalog(path)
    assert [entry.version for entry in snapshot.find(parse("ca1")).entries] == ["2"]
    snapshot.close()
    snapshot.close()


def test_a_flipped_bit_is_told_when_it_is_read() -> None:
    file = io.BytesIO()
    write_snapshot([Entry("a", "1", "2024-05-01", "sha256:00", {"units": 7})], file)
    whole = file.getvalue()
    SnapshotCatalog(whole).verify()
    with pq.ParquetFile(io.BytesIO(whole)) as parquet:
        column = parquet.metadata.row_group(0).column(0)
    last = column.dictionary_page_offset + column.total_compressed_size - 1
    flipped = SnapshotCatalog(whole[:last] + bytes([whole[last] ^ 1]) + whole[last + 1 :])
    for read in (flipped.verify, lambda: flipped.get("a")):
        with pytest.raises(CorruptionError, match="checksum"):
            read()


def test_a_file_that_is_no_snapshot_is_told(tmp_path: Path) -> None:
    file = io.BytesIO()
    pq.write_table(pa.table({"x": [1]}), file)
    for source in (b"", b"PAR1nonsensePAR1", file.getvalue(), tmp_path / "missing"):
        with pytest.raises(CorruptionError, match="snapshot"):
            SnapshotCatalog(source)


def test_it_answers_to_the_letter_as_the_catalog_that_it_was_made_from() -> None:
    entries = [
        Entry(
            f"asset_{at * 7 % 12:02d}",
            "1",
            f"2024-05-01T10:00:{at:02d}.000001+00:00",
            f"sha256:{at}",
            {
                "units": 31 if at % 3 else 4,
                "duration_s": 2.0 + at % 2,
                "date": f"2024-04-0{1 + at % 3}T00:00:00+00:00",
                "has": ("ap", "units"),
                "extensions.lab.score": at,
                "subject": f"m{at}",
            }
            if at % 5
            else {"subject": "m", "modality": ("ecephys",)},
            "ripples " * (at % 3),
            {"title": f"Zürich {at}", "stored_bytes": 1000 + at, "words": {"lfp": ["lf"]}},
        )
        for at in range(12)
    ]
    file = io.BytesIO()
    with SqliteCatalog() as catalog:
        catalog.index(entries)
        write_snapshot(catalog.entries(), file)
        snapshot = SnapshotCatalog(file.getvalue())
        for sort in ("-date", "date", "-units", "units", "name", "-name", "-created", "rank"):
            query = parse("ripples" if sort == "rank" else "")
            wanted, found = catalog.find(query, sort=sort), snapshot.find(query, sort=sort)
            assert found.total == wanted.total
            assert [told(one) for one in found.entries] == [told(one) for one in wanted.entries]


def told(entry: Entry) -> str:
    """Return all that is told of an entry, its text aside."""
    fields = {key: [type(value).__name__, value] for key, value in entry.fields.items()}
    return json.dumps([entry.name, entry.version, entry.created, fields, entry.doc])
