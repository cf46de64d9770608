"""Checks across documents: what no single field can be wrong about on its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from panneuro.documents.ages import is_age
from panneuro.documents.envelope import Documents
from panneuro.documents.extensions import Schemas
from panneuro.documents.findings import Finding, Severity, flag
from panneuro.documents.names import parse_name, slug
from panneuro.documents.paths import join_path
from panneuro.documents.profiles import Profile
from panneuro.documents.slots import Device, Epoch, Stream
from panneuro.documents.vocabularies import Tables

ERROR, SHOULD, TIP = Severity.ERROR, Severity.SHOULD, Severity.TIP
_EARLIEST = date(1950, 1, 1)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What lies around the documents and that they must agree with. All of it is optional.

    Parameters
    ----------
    folder : str, optional
        Name of the folder the asset lies in.
    signals : collection of str, optional
        Names of the signals the asset has.
    parent_exists : callable, optional
        Tells whether an asset of that name exists.
    schemas : Mapping, optional
        The lake's JSON Schemas of lab extensions, by namespace.
    vocabularies : Mapping, optional
        The lake's own words.
    """

    folder: str | None = None
    signals: Collection[str] | None = None
    parent_exists: Callable[[str], bool] | None = None
    schemas: Schemas = field(default_factory=dict)
    vocabularies: Tables = field(default_factory=dict)


Check = Callable[[Documents, Profile, Surroundings], Iterator[Finding]]


def names_agree(documents: Documents, _: Profile, around: Surroundings) -> Iterator[Finding]:
    """The name is the folder's, and the subject in it is the subject."""
    name, subject = documents.description.name, documents.subject.id
    if name and around.folder and name != around.folder:
        yield Finding(
            ERROR,
            "description.name",
            "name-mismatch",
            f"the folder is {around.folder!r}",
            repr(name),
            flag("description.name", around.folder),
        )
    told = parse_name(name).subject if name else None
    if told and subject and told not in (subject, slug(subject)):
        yield Finding(
            ERROR,
            "subject.id",
            "subject-mismatch",
            f"the asset's name says {told!r}",
            repr(subject),
            f"{flag('subject.id', told)}   or correct description.name",
        )


def streams_agree(
    documents: Documents, profile: Profile, around: Surroundings
) -> Iterator[Finding]:
    """Modalities have streams; streams have devices and signals that exist."""
    streams = documents.acquisition.streams
    covered = {stream.modality.label for stream in streams if stream.modality}
    level = SHOULD if profile == "lake" else ERROR
    for modality in documents.description.modalities:
        if streams and modality.label not in covered:
            yield Finding(
                level,
                "acquisition.streams",
                "modality-without-stream",
                f"no stream has the declared modality {modality.label!r}",
                repr(sorted(covered)),
                flag("acquisition.streams.NAME.modality", modality.label),
            )
    declared = {modality.label for modality in documents.description.modalities}
    for label in sorted(covered - declared):
        yield Finding(
            SHOULD,
            "description.modalities",
            "stream-without-modality",
            f"a stream has the modality {label!r}, which is not declared",
            repr(sorted(declared)),
            flag("description.modalities", ";".join([*sorted(declared), label])),
        )
    devices = {d.name for d in (*documents.instrument.devices, *documents.instrument.probes)}
    for stream in streams:
        yield from _stream_refers(stream, devices, around)


def _stream_refers(
    stream: Stream, devices: Collection[str], around: Surroundings
) -> Iterator[Finding]:
    path = join_path("acquisition.streams", stream.name)
    if stream.device and stream.device not in devices:
        yield Finding(
            ERROR if devices else TIP,
            f"{path}.device",
            "unknown-device",
            f"the instrument has no device of that name, but {sorted(devices)}",
            repr(stream.device),
            flag(join_path("instrument.devices", stream.device, "kind"), "KIND"),
        )
    for signal in stream.signals if around.signals is not None else ():
        if signal not in (around.signals or ()):
            yield Finding(
                ERROR,
                f"{path}.signals",
                "unknown-signal",
                f"the asset has no signal of that name, but {sorted(around.signals or ())[:20]}",
                repr(signal),
                f"correct {path}.signals",
            )


def names_are_unique(documents: Documents, _: Profile, __: Surroundings) -> Iterator[Finding]:
    """Devices, streams and epochs are told apart by name."""
    instrument = documents.instrument
    groups: tuple[tuple[str, tuple[Device | Stream, ...]], ...] = (
        ("instrument.devices", instrument.devices),
        ("instrument.probes", instrument.probes),
        ("acquisition.streams", documents.acquisition.streams),
    )
    for path, items in groups:
        for name, count in Counter(item.name for item in items).items():
            if count > 1:
                yield Finding(
                    ERROR,
                    path,
                    "duplicate-name",
                    f"{count} of them have the same name",
                    repr(name),
                    "give each a name of its own",
                )


def times_are_zoned(documents: Documents, _: Profile, __: Surroundings) -> Iterator[Finding]:
    """Every time says which zone it is in."""
    session = documents.acquisition
    for name in ("session_start", "session_stop"):
        moment: datetime | None = getattr(session, name)
        if moment is not None and moment.tzinfo is None:
            yield Finding(
                ERROR,
                f"acquisition.{name}",
                "no-time-zone",
                "the time has no zone",
                repr(moment.isoformat()),
                "--set acquisition.timezone=Europe/Paris   (or the rig's own zone)",
            )
    others = [
        (f"processing.runs.{i}.when", r.when) for i, r in enumerate(documents.processing.runs)
    ]
    others += [
        (join_path("quality.evaluations", evaluation.name, "history", str(i), "when"), status.when)
        for evaluation in documents.quality.evaluations
        for i, status in enumerate(evaluation.history)
    ]
    for path, moment in others:
        if moment is not None and moment.tzinfo is None:
            found = repr(moment.isoformat())
            yield Finding(SHOULD, path, "no-time-zone", "the time has no zone", found)


def times_are_ordered(documents: Documents, _: Profile, __: Surroundings) -> Iterator[Finding]:
    """The subject was born before the session began, and the session ended after."""
    start, stop = documents.acquisition.session_start, documents.acquisition.session_stop
    if start and stop and (start.tzinfo is None) == (stop.tzinfo is None) and stop < start:
        yield Finding(
            ERROR,
            "acquisition.session_stop",
            "stop-before-start",
            f"the session began at {start.isoformat()}",
            repr(stop.isoformat()),
            "--set acquisition.session_stop=TIME",
        )
    born = documents.subject.date_of_birth
    if start and born and born > start.date():
        yield Finding(
            ERROR,
            "subject.date_of_birth",
            "born-after-session",
            f"the session began on {start.date().isoformat()}",
            repr(born.isoformat()),
            "--set subject.date_of_birth=DAY",
        )
    if start and start.date() < _EARLIEST:
        yield Finding(
            SHOULD,
            "acquisition.session_start",
            "implausible-time",
            "a recorder's clock that was never set writes such dates",
            repr(start.isoformat()),
            "--set acquisition.session_start=TIME",
        )


def times_nest(documents: Documents, _: Profile, __: Surroundings) -> Iterator[Finding]:
    """Streams and epochs end after they begin and lie within the session."""
    session = documents.acquisition
    length = None
    if session.session_start and session.session_stop:
        zones = {session.session_start.tzinfo is None, session.session_stop.tzinfo is None}
        length = session.session_stop - session.session_start if len(zones) == 1 else None
    parts: tuple[tuple[str, Stream | Epoch], ...] = (
        *((join_path("acquisition.streams", stream.name), stream) for stream in session.streams),
        *((join_path("acquisition.epochs", epoch.name), epoch) for epoch in session.epochs),
    )
    for path, part in parts:
        yield from _part_nests(path, part.start_s, part.stop_s, length)


def _part_nests(
    path: str, start: float | None, stop: float | None, length: timedelta | None
) -> Iterator[Finding]:
    if start is not None and stop is not None and stop < start:
        yield Finding(
            ERROR, f"{path}.stop_s", "stop-before-start", f"it began at {start} s", f"{stop} s"
        )
    outside = [s for s in (start, stop) if s is not None and s < 0]
    if length is not None:
        end = length.total_seconds()
        outside += [s for s in (start, stop) if s is not None and s > end + 1]
    if outside:
        yield Finding(
            SHOULD,
            path,
            "outside-session",
            "it lies outside the session; times are seconds after its start",
            f"{outside[0]} s",
        )


def lineage_holds(
    documents: Documents, profile: Profile, around: Surroundings
) -> Iterator[Finding]:
    """Parents exist, and what was derived has some."""
    description = documents.description
    if description.kind in ("derived", "analysis") and not description.parents:
        yield Finding(
            SHOULD if profile == "lake" else ERROR,
            "description.parents",
            "no-parents",
            f"a {description.kind} asset is made from others",
            fix="--set description.parents=NAME",
        )
    for parent in description.parents if around.parent_exists else ():
        if around.parent_exists and not around.parent_exists(parent):
            yield Finding(
                ERROR,
                "description.parents",
                "unknown-parent",
                "the lake has no asset of that name",
                repr(parent),
                f"panneuro find {parent}",
            )


def people_are_protected(
    documents: Documents, profile: Profile, _: Surroundings
) -> Iterator[Finding]:
    """A human subject has consented and cannot be told by a birthday."""
    species = documents.subject.species
    if species is None or species.id != "NCBITaxon:9606":
        return
    sharing = profile != "lake"
    if not documents.description.ethics:
        yield Finding(
            ERROR if sharing else SHOULD,
            "description.ethics",
            "no-consent",
            "a human subject's consent is not stated",
            fix='--set description.ethics="consent to share, IRB 1234"',
        )
    if documents.subject.date_of_birth:
        yield Finding(
            ERROR if sharing else SHOULD,
            "subject.date_of_birth",
            "identifies-person",
            "a birthday identifies a person",
            fix="--set subject.age=P34Y   and leave out the birthday",
        )


def access_is_consistent(
    documents: Documents, profile: Profile, _: Surroundings
) -> Iterator[Finding]:
    """An embargo has an end; what is published is public."""
    access = documents.access
    if access.policy == "embargo" and access.embargo_until is None:
        yield Finding(
            SHOULD,
            "access.embargo_until",
            "endless-embargo",
            "the embargo has no end",
            fix="--set access.embargo_until=2027-01-01",
        )
    if profile == "publish" and access.policy == "private":
        yield Finding(
            SHOULD,
            "access.policy",
            "not-public",
            "published data are read by everyone",
            repr(access.policy),
            "--set access.policy=public",
        )


def age_is_readable(documents: Documents, profile: Profile, _: Surroundings) -> Iterator[Finding]:
    """An age is written so that programs can compare it."""
    age = documents.subject.age
    if age is not None and not is_age(age):
        yield Finding(
            ERROR if profile == "dandi" else SHOULD,
            "subject.age",
            "age-format",
            "an age is written as an ISO 8601 duration",
            repr(age),
            "--set subject.age=P90D   (90 days; P12W, P8M and P34Y work too)",
        )


CHECKS: tuple[Check, ...] = (
    names_agree,
    names_are_unique,
    streams_agree,
    times_are_zoned,
    times_are_ordered,
    times_nest,
    lineage_holds,
    people_are_protected,
    access_is_consistent,
    age_is_readable,
)
"""All checks across documents."""
