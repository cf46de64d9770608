"""Adding: a source becomes a version, wholly visible or not at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from panneuro.core.cores import cores_here
from panneuro.core.digests import digest_json
from panneuro.core.errors import FormatError, InputError, SourceChangedError
from panneuro.core.manifest import Manifest, prefix_of
from panneuro.core.progress import Progress, Silence
from panneuro.core.store import Prefixed, Store, is_key
from panneuro.documents import Documents, Finding, Surroundings, asset_name, require
from panneuro.documents.merging import Layer, merge
from panneuro.formats.readers import begin
from panneuro.lake.coding import ahead, chooser
from panneuro.lake.committing import commit, make_sure, moment
from panneuro.lake.runs import Attempt, Start
from panneuro.lake.sources import Snapshot
from panneuro.signals.events import Events
from panneuro.signals.recording import Recording, Signal, Structure
from panneuro.signals.table import AREA_COLUMNS, Table
from panneuro.storage.compose import compose
from panneuro.storage.neurodata import is_name
from panneuro.storage.writing import Content, VersionWriter

_NO_AREA = ("", "unknown", "nan", "None", "n/a")
_MOST_AREAS = 500

_LIBRARIES = ("panneuro", "zarr", "numcodecs", "pcodec", "pynwb", "hdmf", "hdmf-zarr", "pyarrow")
"""Whose versions decide the very bytes that are written, but for those of shards."""


@dataclass(frozen=True)
class Options:
    """How to add.

    Parameters
    ----------
    format : str, optional
        Name of the reader; found by sniffing where not given.
    name : str, optional
        Of the asset; made of modality, subject and time where not given.
    said : mapping
        What the person says, by slot and field; stronger than the recording.
    template : mapping
        What the rig always says; weaker than the recording.
    codecs : tuple of str, optional
        Only these codings are tried.
    replaces : bool
        Whether an asset of the same name made from other files gets a new version.
    """

    format: str | None = None
    name: str | None = None
    said: Mapping[str, Any] = field(default_factory=dict)
    template: Mapping[str, Any] = field(default_factory=dict)
    codecs: tuple[str, ...] | None = None
    replaces: bool = False


@dataclass(frozen=True)
class Added:
    """What adding did, or would do.

    Parameters
    ----------
    manifest : Manifest
        Of the version; without its files in a dry run.
    is_new : bool
        Whether the lake did not have it before.
    sent_bytes : int
        Put into the store now.
    findings : tuple of Finding
        What else could be said about the recording.
    """

    manifest: Manifest
    is_new: bool
    sent_bytes: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Plan:
    """What is to be added: everything but the doing.

    Parameters
    ----------
    recording : Recording
        As read.
    documents : Documents
        Complete.
    snapshot : Snapshot
        Of the source's files.
    findings : tuple of Finding
        About the documents.
    codecs : tuple of str, optional
        Only these codings are tried.
    start : Start
        When it began to be planned: what is used from then on is recorded.
    """

    recording: Recording
    documents: Documents
    snapshot: Snapshot
    findings: tuple[Finding, ...]
    codecs: tuple[str, ...] | None
    start: Start

    @property
    def name(self) -> str:
        """Of the asset."""
        return self.documents.description.name or ""

    @property
    def content(self) -> str:
        """The digest of what it is made from: sources, documents and how they are coded."""
        return digest_json(
            {
                "format": self.recording.format,
                "sources": self.snapshot.to_json(),
                "documents": self.documents.to_dict(),
                "codecs": self.codecs,
            }
        )

    @property
    def recipe(self) -> str:
        """The digest of what decides the data: sources, reader, codecs and the code that writes."""
        return digest_json(
            {
                "format": self.recording.format,
                "sources": self.snapshot.to_json(),
                "codecs": self.codecs,
                "by": {name: installed(name) for name in _LIBRARIES},
            }
        )

    def version(self, parent: str = "") -> str:
        """Return the version's id: it follows from recipe, documents and parent."""
        said = {"recipe": self.recipe, "documents": self.documents.to_dict(), "parent": parent}
        return digest_json(said).partition(":")[2][:12]


def plan(
    path: Path,
    options: Options,
    defaults: Mapping[str, Any],
    around: Surroundings,
    progress: Progress,
) -> Plan:
    """Read a source and complete its documents; the lake is not touched.

    Raises
    ------
    DocumentError
        If something that must be said is not; all of it is listed.
    """
    start = Start.now()
    recording = begin(path, options.format)
    _check_files(recording)
    # What is not said is told before anything large is read.
    documents, findings = _documented(recording, options, defaults, around)
    threads = _threads("panneuro-hash")
    snapshot = Snapshot.take(recording.files, threads, progress)
    # Who asks for digests waits for them; until then, there is other work.
    threads.shutdown(wait=False)
    try:
        if recording.search:
            recording = recording.complete()
            documents, findings = _documented(recording, options, defaults, around)
    except BaseException:
        snapshot.close()
        raise
    return Plan(recording, documents, snapshot, findings, options.codecs, start)


def _documented(
    recording: Recording, options: Options, defaults: Mapping[str, Any], around: Surroundings
) -> tuple[Documents, tuple[Finding, ...]]:
    """Return the documents of a recording, complete, and what else could be said."""
    layers = [
        Layer("template", options.template),
        Layer("reader", _known(recording)),
        Layer("user", options.said),
    ]
    merged = merge(Layer("lab", defaults), *layers, vocabularies=around.vocabularies)
    documents = _named(merged.documents, options.name)
    _check_names(recording, documents.description.name or "")
    names = None if recording.search else {signal.name for signal in recording.signals}
    findings = require(documents, "lake", replace(around, signals=names))
    return documents, (*merged.findings, *findings)


def _check_files(recording: Recording) -> None:
    """Refuse names of files that would not do as part of a key, before any is read."""
    for file, count in Counter(file.name for file in recording.files).items():
        if count > 1 or not is_key(f"original/{file}"):
            raise FormatError(
                f"reading {recording.format}: the file name {file!r} cannot be kept"
                + (f", {count} files have it" if count > 1 else ""),
                hint="rename the file; names have no control characters and do not climb",
            )


def _check_names(recording: Recording, name: str) -> None:
    """Refuse names that would not do as part of a key, before anything is written."""
    if name and ("/" in name or "@" in name or not is_key(name)):
        raise InputError(
            f"adding: an asset cannot be named {name!r}",
            hint="--name with letters, digits, '-', '_' and '.', without '/' and '@'",
        )
    for signal in recording.signals:
        if not is_name(signal.name):
            raise FormatError(
                f"reading {recording.format}: a signal cannot be named {signal.name!r}",
                hint="names have no '/', ':' or control characters, and at most 240 bytes",
            )


def _known(recording: Recording) -> dict[str, Any]:
    return {slot: dict(values) for slot, values in recording.documents.items()}


def _named(documents: Documents, name: str | None) -> Documents:
    description, start = documents.description, documents.acquisition.session_start
    if not name and not description.name and documents.subject.id and start and start.tzinfo:
        modality = description.modalities[0].label if description.modalities else "session"
        name = asset_name(modality, documents.subject.id, start)
    if not name:
        return documents
    return documents.replacing(description=description.model_copy(update={"name": name}))


@contextmanager
def workers() -> Iterator[Executor]:
    """Give as many threads as there are cores to use."""
    with _threads("panneuro") as executor:
        yield executor


def _threads(name: str) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(cores_here(), name)


def is_there(plan: Plan, earlier: list[Manifest]) -> bool:
    """Say whether the very same was added before, whatever was said of it since."""
    return any(
        manifest.extra.get("content") == plan.content and manifest.sources == earlier[-1].sources
        for manifest in earlier
    )


def has_data(plan: Plan, earlier: list[Manifest]) -> bool:
    """Say whether the latest version has the data that this plan would write."""
    return bool(earlier) and earlier[-1].extra.get("recipe") == plan.recipe


def draft(plan: Plan) -> Manifest:
    """Return what a plan would commit, as far as its documents say it."""
    return Manifest(
        name=plan.name,
        version=plan.version(),
        created=moment(),
        parent="",
        format=plan.recording.format,
        documents=plan.documents.to_dict(),
        signals=(),
        files=(),
        sources=tuple(plan.snapshot.to_json()),
        extra={"areas": list(areas_of(plan.recording.signals))},
    )


def carry_out(
    store: Store, plan: Plan, earlier: Iterable[Manifest], progress: Progress | None = None
) -> Added:
    """Write and commit what was planned, unless the lake has it already.

    Parameters
    ----------
    store : Store
        The lake's.
    plan : Plan
        What to add.
    earlier : iterable of Manifest
        The versions of that name, newest last.

    Raises
    ------
    SourceChangedError
        If a file changed meanwhile; nothing is committed.
    ConflictError
        If another version follows the newest meanwhile.
    """
    earlier = list(earlier)
    if is_there(plan, earlier):
        make_sure(store, earlier)
        return Added(earlier[-1], False, 0, plan.findings)
    parent = earlier[-1] if earlier else None
    layout = laid_out(plan.recording, plan.documents, plan.name)
    with workers() as executor:
        choose = ahead(chooser(plan.codecs), layout.structure.bulk, executor)
        # From here on, the digests of the sources are waited for.
        run = Attempt.at(
            "panneuro.add",
            {"format": plan.recording.format, "codecs": plan.codecs, "name": plan.name},
            dict(plan.snapshot.digests),
            plan.start,
        )
        version = plan.version(parent.version if parent else "")
        folder = Prefixed(store, prefix_of(plan.name, version))
        content = _write(
            plan, layout, VersionWriter(folder, executor, choose, progress or Silence())
        )
    manifest = _manifest(plan, parent, version, run.key, layout, content)
    plan.snapshot.check()
    manifest, is_new = commit(store, manifest)
    run.outputs[manifest.name] = manifest.version
    run.bytes_read, run.bytes_written = manifest.source_bytes, content.sent_bytes
    run.record(store)
    return Added(manifest, is_new, content.sent_bytes, plan.findings)


@dataclass(frozen=True)
class LaidOut:
    """The NWB tree, the signals that know their places in it, and what ids in it follow from."""

    structure: Structure
    signals: tuple[Signal, ...]
    seed: str


def laid_out(recording: Recording, documents: Documents, name: str) -> LaidOut:
    """Lay a recording out as NWB, unless it is."""
    if recording.structure is not None:
        return LaidOut(recording.structure, recording.signals, "")
    return LaidOut(*compose(recording.signals, documents), name)


def _write(plan: Plan, layout: LaidOut, writer: VersionWriter) -> Content:
    snapshot = plan.snapshot
    kept = [(file, snapshot.digests[file.name]) for file in snapshot.files if file.kept]
    try:
        return writer.write(layout.structure, layout.signals, kept, layout.seed)
    except FileNotFoundError as error:
        raise SourceChangedError(
            f"a source file vanished while it was being read: {error.filename!r}",
            hint="add it again when the rig has finished writing",
        ) from error


def _manifest(
    plan: Plan, parent: Manifest | None, version: str, run: str, layout: LaidOut, content: Content
) -> Manifest:
    recording = plan.recording
    return Manifest(
        name=plan.name,
        version=version,
        created=moment(parent.created if parent else ""),
        parent=parent.version if parent else "",
        format=recording.format,
        documents=plan.documents.to_dict(),
        signals=tuple(content.signals),
        files=tuple(content.files),
        sources=tuple(plan.snapshot.to_json()),
        notes=recording.notes,
        run=run,
        extra={
            "content": plan.content,
            "recipe": plan.recipe,
            "composed": recording.structure is None,
            "areas": list(areas_of(layout.signals)),
        },
    )


def areas_of(signals: Iterable[Signal]) -> tuple[str, ...]:
    """Return the brain areas that electrodes and units are said to be in, the commonest first."""
    counts: Counter[str] = Counter()
    for signal in signals:
        table = signal.table if isinstance(signal, Events) else signal
        if isinstance(table, Table) and table.name in ("electrodes", "units"):
            for column in AREA_COLUMNS:
                if column in table.columns:
                    counts.update(str(area) for area in table.df[column])
    return tuple(area for area, _ in counts.most_common(_MOST_AREAS) if area not in _NO_AREA)
