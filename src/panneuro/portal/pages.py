"""Pages: templates, and the words in which they show numbers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from panneuro.portal.scripts import Scripts

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


class Pages:
    """Renders the templates.

    Parameters
    ----------
    scripts : Scripts
        Whose addresses the pages name.
    title : str
        Of the lake, on every page.
    signs_in : bool
        Whether people can sign in.
    """

    def __init__(self, scripts: Scripts, title: str, *, signs_in: bool) -> None:
        self._templates = Environment(
            loader=PackageLoader("panneuro.portal", "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters.update(
            size=in_bytes,
            length=in_time,
            moment=in_time_element,
            cell=in_cell,
            money=in_money,
            number=in_figures,
            segment=segment,
            path=quote,
            json=json.dumps,
            pair=lambda value, name: (name, value),
        )
        self._templates.globals.update(
            static=scripts.address,
            lake_title=title,
            query_string=urlencode,
            pages=[
                ("/assets", "Find"),
                ("/views", "Views"),
                ("/runs", "Runs"),
                ("/cost", "Cost"),
                ("/access", "Access"),
            ],
            signs_in=signs_in,
        )

    def page(self, request: Request, template: str, status: int = 200, **values: Any) -> Response:
        """Return a page.

        Parameters
        ----------
        request : Request
            That it answers.
        template : str
            Name of the template, without its ending.
        status : int
            Of the answer.
        **values
            What the template shows.
        """
        text = self._templates.get_template(f"{template}.html").render(
            request=request,
            path=request.url.path,
            actor=getattr(request.state, "actor", None),
            host=request.url.netloc,
            **values,
        )
        return HTMLResponse(text, status)


def in_bytes(count: float | None) -> str:
    """Return a number of bytes in the unit that suits it, powers of 1000.

    Examples
    --------
    >>> in_bytes(1_234_567), in_bytes(None)
    ('1.23 MB', '')
    """
    if count is None:
        return ""
    power = 0
    while abs(count) >= 999.5 and power < len(_UNITS) - 1:
        count, power = count / 1000, power + 1
    return f"{count:.3g} {_UNITS[power]}" if power else f"{count:.0f} B"


def in_time(seconds: float | None) -> str:
    """Return a length of time.

    Examples
    --------
    >>> in_time(3725), in_time(2.25), in_time(75)
    ('1 h 02 min', '2.25 s', '1 min 15 s')
    """
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def in_words(moment: str | datetime | None) -> str:
    """Return a moment as people read it, with its zone where that is not UTC.

    Examples
    --------
    >>> in_words("2024-05-01T09:30:00+00:00"), in_words("2024-05-01T09:30:00+02:00")
    ('2024-05-01 09:30', '2024-05-01 09:30 +02:00')
    """
    if not moment:
        return ""
    found = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    zone = f" {found:%:z}" if found.utcoffset() else ""
    return f"{found:%Y-%m-%d %H:%M}{zone}"


def in_time_element(moment: str | datetime | None) -> Markup:
    """Return a moment as people read it, in an element that is not broken into lines.

    Examples
    --------
    >>> print(in_time_element("2024-05-01T09:30:00+00:00"))
    <time datetime="2024-05-01T09:30:00+00:00">2024-05-01 09:30</time>
    """
    said = moment.isoformat() if isinstance(moment, datetime) else moment
    return (
        Markup('<time datetime="{}">{}</time>').format(said, in_words(moment)) if said else Markup()
    )


def in_cell(value: object) -> object:
    """Return a value as a table has it: nothing for what is missing, moments as people read them.

    Examples
    --------
    >>> in_cell(float("nan")), in_cell(None), in_cell(0.123456), in_cell(3767.0), in_cell([1, 2])
    ('', '', '0.1235', '3767', [1, 2])
    """
    if value is None or (isinstance(value, float | datetime) and value != value):
        return ""
    if isinstance(value, datetime) or (isinstance(value, str) and _MOMENT.match(value)):
        with suppress(ValueError):
            return in_time_element(value)
    return f"{value:.4g}" if isinstance(value, float) else value


def in_money(amount: str) -> str:
    """Return a small amount of money, to the hundredth of a cent.

    Examples
    --------
    >>> in_money("0.12345"), in_money("0.0000019"), in_money("0")
    ('0.1235', 'under 0.0001', '0')
    """
    value = float(amount)
    return "under 0.0001" if 0 < value < 0.0001 else f"{value:.4f}" if value else "0"


def in_figures(number: float | None) -> str:
    """Return a count with thin spaces between thousands.

    Examples
    --------
    >>> in_figures(1234567.0)
    '1\\u202f234\\u202f567'
    """
    return "" if number is None else f"{number:,.0f}".replace(",", "\u202f")


def segment(text: object) -> str:
    """Return a text as one segment of a path."""
    return quote(str(text), safe="@")


def address(path: str, fields: Mapping[str, Any]) -> str:
    """Return a path with what is asked there; what is empty is left out."""
    said = {name: value for name, value in fields.items() if value not in (None, "")}
    return f"{path}?{urlencode(said)}" if said else path
