"""The eight documents of an asset, one to one with AIND's eight.

Nothing is required by a model: a missing field is a finding of `panneuro.documents.validate`, at a
severity that depends on what the data are wanted for, and never an obstacle to reading.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Annotated, Any, ClassVar, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    JsonValue,
    ValidationInfo,
    field_validator,
    model_validator,
)

from panneuro.documents.terms import (
    Licence,
    Modality,
    PlainTerm,
    ProbeModel,
    Sex,
    Species,
    Value,
    Visible,
    word_for,
)
from panneuro.documents.versions import schema_of

Text = Annotated[str, Visible, Field(max_length=100_000)]
Name = Annotated[str, Visible, Field(min_length=1, max_length=500)]
Seconds = Annotated[float, Field(ge=-1e9, le=1e9)]


def _only_one(value: Any) -> Any:
    """Let a single value stand for a list of one."""
    return (value,) if isinstance(value, (str, dict, int, float)) else value


def _spelled_out(value: Any) -> Any:
    """Refuse bare numbers as times: 2024 is a year to a person and 1970-01-01 to a parser."""
    if isinstance(value, (int, float)) or (isinstance(value, str) and value.strip().isdigit()):
        raise ValueError("write dates and times as text, as in '2024-05-01T09:30:00+02:00'")
    return value


Moment = Annotated[datetime, BeforeValidator(_spelled_out)]
Day = Annotated[date, BeforeValidator(_spelled_out)]
Several = BeforeValidator(_only_one)
Names = Annotated[tuple[Name, ...], Several]
Terms = Annotated[tuple[PlainTerm, ...], Several]
Modalities = Annotated[tuple[Modality, ...], Several]


def zoned(moment: datetime, zone: str) -> datetime:
    """Place a time without a zone in one, as a fixed offset from UTC.

    Parameters
    ----------
    moment : datetime
        A time without a zone.
    zone : str
        An IANA name, as in ``Europe/Paris``.

    Raises
    ------
    ValueError
        If no such zone is known.

    Examples
    --------
    >>> zoned(datetime(2024, 7, 1, 9, 30), "Europe/Paris").isoformat()
    '2024-07-01T09:30:00+02:00'
    """
    try:
        offset = moment.replace(tzinfo=ZoneInfo(zone)).utcoffset()
    except (ZoneInfoNotFoundError, ValueError, OSError, OverflowError) as error:
        raise ValueError(f"{zone!r} is not a time zone; write one as in 'Europe/Paris'") from error
    return moment.replace(tzinfo=timezone(offset or timedelta(0)) if offset else UTC)


def _known_zone(zone: str) -> str:
    zoned(datetime.fromisoformat("2000-01-01"), zone)
    return zone


Zone = Annotated[Name, AfterValidator(_known_zone)]


class Slot(Value):
    """What the eight documents share: a versioned schema and room for a lab's own fields."""

    kind_of_document: ClassVar[str] = ""

    schema_: str = Field(default="", alias="schema", description="which document, which version")
    extensions: dict[str, JsonValue] = Field(
        default_factory=dict, description="a lab's own fields, one block per lab"
    )

    @model_validator(mode="before")
    @classmethod
    def _label(cls, data: Any) -> Any:
        if isinstance(data, dict) and not data.get("schema") and not data.get("schema_"):
            return {**data, "schema": schema_of(cls.kind_of_document)}
        return data


class Funding(Value):
    """One source of money."""

    _word = word_for("funder")

    funder: PlainTerm = Field(description="who paid")
    grant: Text | None = Field(default=None, description="grant number")


class Description(Slot):
    """What the asset is, who made it, and on what terms others may use it."""

    kind_of_document = "description"

    name: Name | None = Field(default=None, description="the asset's name, same as its folder's")
    kind: Literal["raw", "derived", "analysis", "model", "simulation"] = Field(
        default="raw", description="what the asset is the result of"
    )
    title: Text | None = Field(default=None, description="one line that tells what was recorded")
    summary: Text | None = Field(default=None, description="a paragraph about the session")
    modalities: Modalities = Field(default=(), description="what was measured: ecephys, ophys, …")
    lab: PlainTerm | None = Field(default=None, description="the laboratory")
    institution: PlainTerm | None = Field(default=None, description="the institution (ROR)")
    project: PlainTerm | None = Field(default=None, description="the project")
    experimenters: Terms = Field(default=(), description="who recorded it (ORCID)")
    keywords: Names = Field(default=(), description="words to find it by")
    funding: Annotated[tuple[Funding, ...], Several] = Field(
        default=(), description="who paid, under which grant"
    )
    licence: Licence | None = Field(default=None, description="terms of use (SPDX)")
    publications: Names = Field(default=(), description="related papers, as DOI or address")
    parents: Names = Field(default=(), description="names of the assets it was made from")
    ethics: Text | None = Field(
        default=None, description="protocol approval, or the consent of a human subject"
    )


class Subject(Slot):
    """Whom was recorded: an animal or a person."""

    kind_of_document = "subject"

    id: Name | None = Field(default=None, description="the subject's name in the lab")
    species: Species | None = Field(default=None, description="the species (NCBI Taxonomy)")
    sex: Sex | None = Field(default=None, description="male, female, unknown, …")
    age: Name | None = Field(default=None, description="age at the session, as in P90D (ISO 8601)")
    date_of_birth: Day | None = Field(default=None, description="day of birth")
    strain: PlainTerm | None = Field(default=None, description="strain or line (RRID)")
    genotype: Text | None = Field(default=None, description="genotype, as the breeder writes it")
    weight_g: float | None = Field(default=None, gt=0, lt=1e8, description="weight in grams")
    description: Text | None = Field(default=None, description="anything else about the subject")
    companions: Names = Field(default=(), description="ids of others recorded in the same session")


class Procedure(Value):
    """One thing done to the subject: a surgery, an injection, an implant, a lesion, training."""

    _word = word_for("kind")

    kind: Name = Field(description="craniotomy, headpost, injection, implant, perfusion, …")
    when: Day | None = Field(default=None, description="the day it was done")
    areas: Terms = Field(default=(), description="the brain areas it was aimed at")
    material: PlainTerm | None = Field(default=None, description="virus, tracer, drug or implant")
    volume_nl: float | None = Field(default=None, ge=0, description="volume in nanolitres")
    coordinates_mm: tuple[float, float, float] | None = Field(
        default=None, description="anterior, lateral (right), depth from bregma in millimetres"
    )
    description: Text | None = Field(default=None, description="how it was done")


class Procedures(Slot):
    """What was done to the subject before the recording."""

    kind_of_document = "procedures"

    surgeries: Annotated[tuple[Procedure, ...], Several] = Field(
        default=(), description="surgeries and implants"
    )
    injections: Annotated[tuple[Procedure, ...], Several] = Field(
        default=(), description="viruses, tracers, drugs"
    )
    protocol: Text | None = Field(default=None, description="protocol document, as DOI or number")


class Device(Value):
    """A thing on the rig."""

    _word = word_for("name")

    name: Name = Field(description="what streams call it")
    kind: Name | None = Field(default=None, description="probe, amplifier, camera, laser, wheel, …")
    manufacturer: PlainTerm | None = Field(default=None, description="who made it (ROR)")
    model: ProbeModel | None = Field(default=None, description="model, as the maker names it")
    serial: Name | None = Field(default=None, description="serial number")
    description: Text | None = Field(default=None, description="anything else about it")


class Probe(Device):
    """A device with electrodes."""

    channels: int | None = Field(default=None, ge=0, le=10**7, description="recorded channels")
    areas: Terms = Field(default=(), description="the areas it was aimed at")


class Instrument(Slot):
    """The rig: what it was recorded with."""

    kind_of_document = "instrument"

    id: Name | None = Field(default=None, description="the rig's name")
    devices: Annotated[tuple[Device, ...], Several] = Field(
        default=(), description="amplifiers, cameras, lasers, …"
    )
    probes: Annotated[tuple[Probe, ...], Several] = Field(
        default=(), description="devices with electrodes"
    )


class Stream(Value):
    """Signals that one device recorded together."""

    _word = word_for("name")

    name: Name = Field(description="the stream's name in the session")
    modality: Modality | None = Field(default=None, description="what it measures")
    device: Name | None = Field(default=None, description="name of the device that recorded it")
    signals: Names = Field(default=(), description="names of the asset's signals it holds")
    rate_hz: float | None = Field(default=None, gt=0, lt=1e12, description="samples per second")
    channels: int | None = Field(default=None, ge=0, le=10**7, description="number of channels")
    start_s: Seconds | None = Field(default=None, description="seconds after the session's start")
    stop_s: Seconds | None = Field(default=None, description="seconds after the session's start")


class Epoch(Value):
    """A named part of the session."""

    _word = word_for("name")

    name: Name = Field(description="baseline, task, rest, …")
    start_s: Seconds | None = Field(default=None, description="seconds after the session's start")
    stop_s: Seconds | None = Field(default=None, description="seconds after the session's start")
    description: Text | None = Field(default=None, description="what happened in it")


class Acquisition(Slot):
    """The session: when, what was asked of the subject, and what was recorded."""

    kind_of_document = "acquisition"

    session_id: Name | None = Field(default=None, description="the lab's own name of the session")
    timezone: Zone | None = Field(
        default=None, description="zone of times written without one, as in Europe/Paris"
    )
    session_start: Moment | None = Field(default=None, description="start, with its time zone")
    session_stop: Moment | None = Field(default=None, description="end, with its time zone")
    task: PlainTerm | None = Field(default=None, description="what the subject did, or 'rest'")
    protocol: Text | None = Field(default=None, description="protocol of the session")
    stimulus_notes: Text | None = Field(default=None, description="what was shown or played")
    areas: Terms = Field(default=(), description="brain areas recorded")
    streams: Annotated[tuple[Stream, ...], Several] = Field(
        default=(), description="what was recorded, by device"
    )
    epochs: Annotated[tuple[Epoch, ...], Several] = Field(
        default=(), description="named parts of the session"
    )

    @field_validator("session_start", "session_stop", mode="after")
    @classmethod
    def _place(cls, moment: datetime | None, info: ValidationInfo) -> datetime | None:
        """Give times written without a zone the zone of `timezone`."""
        zone = info.data.get("timezone")
        if moment is None or moment.tzinfo is not None or zone is None:
            return moment
        return zoned(moment, zone)


class RunReference(Value):
    """A pointer to the Run that made (part of) the asset."""

    _word = word_for("step")

    key: Name | None = Field(default=None, description="the run's key in the lake")
    step: Name = Field(description="what was done: ingest, spike sorting, …")
    version: Name | None = Field(default=None, description="version of the software")
    code: Text | None = Field(default=None, description="address of the code, or its digest")
    when: Moment | None = Field(default=None, description="when it ended, with its time zone")
    parameters: dict[str, JsonValue] = Field(default_factory=dict, description="its parameters")


class Processing(Slot):
    """What was computed, by which code."""

    kind_of_document = "processing"

    runs: Annotated[tuple[RunReference, ...], Several] = Field(
        default=(), description="what was run, in order"
    )
    notes: Text | None = Field(default=None, description="anything else about the processing")


class Status(Value):
    """One judgement, by one person or program, at one time."""

    _word = word_for("status")

    status: Literal["pass", "fail", "pending"] = Field(description="the judgement")
    author: PlainTerm | None = Field(default=None, description="who judged")
    when: Moment | None = Field(default=None, description="when, with its time zone")
    reason: Text | None = Field(default=None, description="why")


class Evaluation(Value):
    """One question about the quality of the data, and every answer it was given."""

    _word = word_for("name")

    name: Name = Field(description="what is judged: drift, sorting, video sync, …")
    history: Annotated[tuple[Status, ...], Several] = Field(
        default=(), description="judgements, oldest first"
    )
    description: Text | None = Field(default=None, description="how it is judged")

    @property
    def status(self) -> Literal["pass", "fail", "pending"]:
        """The latest judgement; ``pending`` before the first."""
        return self.history[-1].status if self.history else "pending"


class Quality(Slot):
    """How good the data are, according to whom."""

    kind_of_document = "quality"

    evaluations: Annotated[tuple[Evaluation, ...], Several] = Field(
        default=(), description="questions and answers"
    )
    notes: Text | None = Field(default=None, description="anything else about the quality")


class Access(Slot):
    """Who may see the asset. Grants are the lake's; this is what its makers wish."""

    kind_of_document = "access"

    policy: Literal["private", "embargo", "public"] = Field(
        default="private", description="who may read"
    )
    embargo_until: Day | None = Field(default=None, description="the day an embargo ends")
    agreement: Text | None = Field(default=None, description="terms a reader accepts first")
    contact: PlainTerm | None = Field(default=None, description="whom to ask")


SLOTS: dict[str, type[Slot]] = {
    model.kind_of_document: model
    for model in (
        Description,
        Subject,
        Procedures,
        Instrument,
        Acquisition,
        Processing,
        Quality,
        Access,
    )
}
"""The eight document kinds, in the order in which they are written."""
