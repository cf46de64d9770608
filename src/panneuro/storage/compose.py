"""A recording as NWB: pynwb lays out the tree, and the large arrays stay where they are."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hdmf.build import DatasetBuilder, ReferenceBuilder
from hdmf_zarr.backend import REFERENCE_DTYPE_ATTR_VALUE
from hdmf_zarr.nwb import NWBZarrIO
from pynwb import NWBFile
from pynwb.file import Subject
from zarr.core.buffer import default_buffer_prototype
from zarr.storage import MemoryStore

from panneuro.core.errors import DocumentError
from panneuro.documents import Documents, Term
from panneuro.signals.recording import Signal, Structure
from panneuro.storage.electrodes import Electrodes
from panneuro.storage.neurodata import Place, place
from panneuro.storage.quiet import QUIET

_SEXES = {"male": "M", "female": "F"}


def compose(
    signals: Iterable[Signal], documents: Documents
) -> tuple[Structure, tuple[Signal, ...]]:
    """Lay signals and documents out as an NWB tree.

    Parameters
    ----------
    signals : iterable of Signal
        With unique names.
    documents : Documents
        What NWB has a place for goes there; all of it is kept whole in ``asset.json``.

    Returns
    -------
    structure : Structure
        The tree, with the data of every signal in its `bulk`.
    placed : tuple of Signal
        The same signals, each knowing its path.
    """
    signals = tuple(signals)
    with QUIET, warnings.catch_warnings():
        # Placeholders stand for data that are written later: their lengths do not agree yet.
        warnings.simplefilter("ignore")
        nwb = _file(documents)
        electrodes = Electrodes(nwb, documents, signals)
        places = [place(nwb, electrodes, signal) for signal in signals]
        nodes = _nodes(nwb)
    bulk = {path: data for where in places for path, data in where.bulk.items()}
    placed = [_at(signal, where) for signal, where in zip(signals, places, strict=True)]
    return Structure(nodes, bulk), tuple(placed)


def _at(signal: Signal, where: Place) -> Signal:
    return replace(signal, path=where.path)


def _nodes(nwb: NWBFile) -> dict[str, bytes]:
    store = MemoryStore()
    with _TreeIO(store, mode="w") as io:
        io.write(nwb, consolidate_metadata=False)
    return {key: value.to_bytes() for key, value in _items(store)}


class _TreeIO(NWBZarrIO):  # type: ignore[misc]
    """Writes lists of references at once: 384 of them, one by one, take half a second."""

    def write_dataset(self, **given: Any) -> Any:
        """Write one dataset."""
        builder = given["builder"]
        data = builder.data if isinstance(builder.data, list) else []
        if not data or not all(isinstance(one, ReferenceBuilder) for one in data):
            return super().write_dataset(**given)
        paths = [self._create_ref(one, ref_link_source=self.path)["path"] for one in data]
        text = DatasetBuilder(
            builder.name,
            paths,
            dtype="utf8",
            attributes=dict(builder.attributes),
            dimension_labels=builder.dimension_labels,
        )
        array = super().write_dataset(**{**given, "builder": text})
        array.attrs["_DTYPE"] = REFERENCE_DTYPE_ATTR_VALUE
        self._written_builders.set_written(builder)
        return array


def _items(store: MemoryStore) -> list[tuple[str, Any]]:
    from zarr.core.sync import sync

    async def collect() -> list[tuple[str, Any]]:
        prototype = default_buffer_prototype()
        return [(key, await store.get(key, prototype)) async for key in store.list()]

    return sync(collect())


def _file(documents: Documents) -> NWBFile:
    description, acquisition = documents.description, documents.acquisition
    start = acquisition.session_start
    if start is None:
        raise DocumentError(
            "writing NWB: the session has no start time",
            hint="--set acquisition.session_start=2024-05-01T09:30:00+02:00",
        )
    return NWBFile(
        session_description=description.summary or description.title or "no description",
        identifier=description.name or acquisition.session_id or "unnamed",
        session_start_time=_zoned(start),
        file_create_date=_zoned(start),
        session_id=acquisition.session_id,
        experimenter=[_surname_first(person.label) for person in description.experimenters] or None,
        institution=_label(description.institution),
        lab=_label(description.lab),
        keywords=list(description.keywords) or None,
        related_publications=list(description.publications) or None,
        protocol=acquisition.protocol,
        stimulus_notes=acquisition.stimulus_notes,
        experiment_description=description.title,
        subject=_subject(documents),
        **_procedures(documents),
    )


def _zoned(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _surname_first(name: str) -> str:
    """NWB wants "Lastname, Firstname"."""
    first, _, last = name.rpartition(" ")
    return name if "," in name or not first else f"{last}, {first}"


def _label(term: Term | None) -> str | None:
    return term.label if term else None


def _subject(documents: Documents) -> Subject | None:
    subject = documents.subject
    if subject.id is None:
        return None
    sex = _label(subject.sex) or "unknown"
    born = subject.date_of_birth
    return Subject(
        subject_id=subject.id,
        species=_label(subject.species),
        sex=_SEXES.get(sex.lower(), "U" if sex.lower() == "unknown" else "O"),
        age=subject.age,
        date_of_birth=datetime(born.year, born.month, born.day, tzinfo=UTC) if born else None,
        strain=_label(subject.strain),
        genotype=subject.genotype,
        weight=f"{subject.weight_g / 1000:g} kg" if subject.weight_g else None,
        description=subject.description,
    )


def _procedures(documents: Documents) -> Mapping[str, str | None]:
    procedures = documents.procedures
    described = {
        "surgery": procedures.surgeries,
        "virus": procedures.injections,
    }
    return {
        field: "; ".join(_sentence(one.kind, one.areas, one.description) for one in done) or None
        for field, done in described.items()
    }


def _sentence(kind: str, areas: Iterable[Term], description: str | None) -> str:
    where = ", ".join(area.label for area in areas)
    return " ".join(filter(None, (kind, f"in {where}" if where else "", description)))
