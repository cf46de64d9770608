"""Names of assets: readable, sortable, safe in every file system and address.

``<modality>_<subject>_<UTC date>_<UTC time>[_<process>_<UTC date>_<UTC time>]``, as in
``ecephys_mouse-7_2024-05-01_07-30-00_sorted-ks4_2024-05-02_11-00-00``. Names that other
institutes gave are read as they are.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime

from panneuro.core.errors import InputError

_UNSAFE = re.compile(r"[^A-Za-z0-9.+-]+")
_MOMENT = r"(?P<{0}date>\d{{4}}-\d{{2}}-\d{{2}})_(?P<{0}time>\d{{2}}-\d{{2}}-\d{{2}})"
_NAME = re.compile(
    rf"^(?:(?P<modality>[A-Za-z][A-Za-z0-9-]*)_)?(?P<subject>[^_/\\\s]+)_{_MOMENT.format('')}"
    rf"(?:_(?P<process>[^/\\\s]+?)(?:_{_MOMENT.format('process_')})?)?$"
)
_MAX_SUBJECT = 64
_RESERVED = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ParsedName:
    """What an asset's name says.

    Parameters
    ----------
    name : str
        The name as it was.
    modality, subject, process : str or None
        Its parts; all None for a name that follows no known pattern.
    start, process_start : datetime or None
        The times in the name, without a zone: ours are UTC, those of others may not be.
    """

    name: str
    modality: str | None = None
    subject: str | None = None
    start: datetime | None = None
    process: str | None = None
    process_start: datetime | None = None


def slug(text: str) -> str:
    """Return text as one safe part of a name, different for different texts.

    Letters, digits, ``.``, ``+`` and ``-`` stay; accents are dropped; anything else becomes ``-``.
    Where something was lost, a short digest of the original is appended, so that two subjects never
    share a name.

    Examples
    --------
    >>> slug("mouse-7")
    'mouse-7'
    >>> slug("mouse 7")
    'mouse-7-d24c51'
    >>> slug("Mäuschen") != slug("Mauschen")
    True
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    safe = _UNSAFE.sub("-", plain).strip(".-")[:_MAX_SUBJECT]
    if safe and safe == text and not _RESERVED.match(safe):
        return safe
    mark = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:6]
    return f"{safe}-{mark}" if safe else f"x-{mark}"


def asset_name(
    modality: str,
    subject: str,
    start: datetime,
    process: str | None = None,
    process_start: datetime | None = None,
) -> str:
    """Return the name of an asset.

    Parameters
    ----------
    modality : str
        The first modality, as in ``ecephys``.
    subject : str
        The subject's id, in any script.
    start : datetime
        Start of the session, with its time zone.
    process : str, optional
        What made a derived asset, as in ``sorted-ks4``.
    process_start : datetime, optional
        When that was made, with its time zone.

    Raises
    ------
    InputError
        If a time has no zone.

    Examples
    --------
    >>> asset_name("ecephys", "mouse-7", datetime(2024, 5, 1, 7, 30, tzinfo=UTC))
    'ecephys_mouse-7_2024-05-01_07-30-00'
    """
    parts = [slug(modality), slug(subject), _stamp(start)]
    if process:
        parts.append(slug(process))
    if process and process_start:
        parts.append(_stamp(process_start))
    return "_".join(parts)


def _stamp(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise InputError(
            f"naming an asset: the time {moment.isoformat()!r} has no time zone",
            hint="--set acquisition.timezone=Europe/Paris",
        )
    try:
        utc = moment.astimezone(UTC)
    except OverflowError as error:
        raise InputError(f"naming an asset: the time {moment.isoformat()!r} is too far") from error
    return f"{utc.date().isoformat()}_{utc:%H-%M-%S}"


def parse_name(name: str) -> ParsedName:
    """Read the parts of an asset's name, ours or another institute's.

    Parameters
    ----------
    name : str
        Any text.

    Returns
    -------
    ParsedName
        With only `name` filled where the text follows no known pattern.

    Examples
    --------
    >>> parsed = parse_name("Ecephys_625463_2022-10-06_10-14-25_sorted-Ks2.5")
    >>> parsed.modality, parsed.subject, parsed.process
    ('Ecephys', '625463', 'sorted-Ks2.5')
    >>> parse_name("625463_2022-10-06_10-14-25").subject
    '625463'
    """
    found = _NAME.match(name) if len(name) <= 500 else None
    start = _moment(found["date"], found["time"]) if found else None
    if found is None or start is None:
        return ParsedName(name)
    return ParsedName(
        name=name,
        modality=found["modality"],
        subject=found["subject"],
        start=start,
        process=found["process"],
        process_start=_moment(found["process_date"], found["process_time"]),
    )


def _moment(date: str | None, time: str | None) -> datetime | None:
    if not date or not time:
        return None
    try:
        return datetime.strptime(f"{date} {time}", "%Y-%m-%d %H-%M-%S")  # noqa: DTZ007
    except ValueError:
        return None
