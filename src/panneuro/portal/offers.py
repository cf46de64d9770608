"""What visitors may have run: the steps and pipelines that whoever keeps the lake installed."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from inspect import cleandoc
from typing import Any

from panneuro.compute import pipelines
from panneuro.compute.pipelines import Stage, find_pipelines
from panneuro.compute.step import GROUP, Step, find_step
from panneuro.core import plugins
from panneuro.core.errors import NotFoundError, PanneuroError
from panneuro.lake.lake import Lake

STEP, PIPELINE = "step", "pipeline"

_LOG = logging.getLogger("panneuro.portal")
_SECTION = re.compile(r"^Parameters\n-+\n(.*?)(?=^\w[^\n]*\n-+$|\Z)", re.MULTILINE | re.DOTALL)
_ENTRY = re.compile(r"^([\w, ]+?)(?: :[^\n]*)?\n((?:[ \t]+[^\n]*\n?|\n)+)", re.MULTILINE)
_ROLE = re.compile(r":\w+:`~?(?:[\w.]+\.)?(\w+)`")
_UNITS: Mapping[str, str] = {
    "s": "s",
    "ms": "ms",
    "us": "µs",
    "hz": "Hz",
    "khz": "kHz",
    "um": "µm",
    "mm": "mm",
    "uv": "µV",
    "mv": "mV",
    "v": "V",
    "pa": "pA",
    "a": "A",
    "ohm": "Ω",
    "deg": "°",
    "bytes": "bytes",
}


@dataclass(frozen=True)
class Parameter:
    """A parameter of a step, as a form asks for it.

    Parameters
    ----------
    name : str
        Of the parameter.
    unit : str
        As its name ends: ``window_s``; empty where it says none.
    about : str
        What the step says of it.
    schema : mapping
        Its JSON Schema.
    """

    name: str
    unit: str
    about: str
    schema: Mapping[str, Any]

    @property
    def label(self) -> str:
        """Its name in words, without the unit."""
        name = self.name.rpartition("_")[0] if self.unit else self.name
        return name.replace("_", " ")

    @property
    def is_required(self) -> bool:
        """Whether the step has no value for it."""
        return "default" not in self.schema

    @property
    def default(self) -> str:
        """The step's own value, as a form shows it."""
        value = self.schema.get("default")
        if value is None:
            return ""
        return value if isinstance(value, str) else json.dumps(value)

    @property
    def choices(self) -> tuple[str, ...]:
        """The values that it may have, where they are few."""
        if self.schema.get("type") == "boolean":
            return ("true", "false")
        return tuple(map(str, self.schema.get("enum", ())))

    @property
    def is_number(self) -> bool:
        """Whether it is a number, or a number that may be left out."""
        kinds = {one.get("type") for one in (self.schema, *self.schema.get("anyOf", ()))}
        return bool(kinds & {"number", "integer"}) and kinds <= {"number", "integer", "null", None}


@dataclass(frozen=True)
class Offer:
    """A step, or a pipeline of some, that may be asked for by name.

    Parameters
    ----------
    kind : {"step", "pipeline"}
        Which.
    name : str
        By which it is asked for.
    stages : tuple of Stage
        Its steps: one where it is a step.
    on : str
        What it is run on where nothing is said.
    """

    kind: str
    name: str
    stages: tuple[Stage, ...]
    on: str = ""

    @property
    def about(self) -> str:
        """What it does, in a line: for a pipeline, its steps."""
        if self.kind == PIPELINE:
            return " → ".join(stage.label for stage in self.stages)
        return cleandoc(self.stages[0].step.__doc__ or "").partition("\n")[0]

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """What may be chosen; of a pipeline its keeper chose."""
        return parameters_of(self.stages[0].step) if self.kind == STEP else ()


def parameters_of(step: Step) -> tuple[Parameter, ...]:
    """Return the parameters of a step, with what its docstring says of them.

    Examples
    --------
    >>> import panneuro
    >>> @panneuro.step(takes="units", gives="rates")
    ... def rates(units, window_s: float = 0.5) -> list:
    ...     '''Count spikes.
    ...
    ...     Parameters
    ...     ----------
    ...     window_s : float
    ...         Length, as in :func:`~numpy.histogram`.
    ...     '''
    >>> [(one.label, one.unit, one.default, one.about) for one in parameters_of(rates)]
    [('window', 's', '0.5', 'Length, as in histogram.')]
    """
    said = _said_of(cleandoc(step.__doc__ or ""))
    return tuple(
        Parameter(name, _UNITS.get(name.rpartition("_")[2], "") if "_" in name else "", about, one)
        for name, one in step.parameters.items()
        for about in [said.get(name, "")]
    )


def _said_of(docstring: str) -> dict[str, str]:
    """Return what a docstring says of each parameter."""
    section = _SECTION.search(docstring + "\n")
    found = _ENTRY.findall(section[1]) if section else []
    return {
        name.strip(): _ROLE.sub(r"\1", " ".join(text.split()))
        for names, text in found
        for name in names.split(",")
    }


def offers(lake: Lake) -> list[Offer]:
    """Return what may be asked for: pipelines first, each in the order of names.

    What cannot be loaded is left out, and told to who keeps the lake.
    """
    named = [(PIPELINE, name) for name in _pipelines(lake)]
    named += [(STEP, name) for name in plugins.names(GROUP)]
    return [offer for kind, name in named for offer in _loaded(lake, kind, name)]


def _loaded(lake: Lake, kind: str, name: str) -> Iterator[Offer]:
    try:
        yield find_offer(lake, kind, name)
    except PanneuroError as error:
        _LOG.warning("the %s %r cannot be offered: %s", kind, name, error)


def find_offer(lake: Lake, kind: str, name: str) -> Offer:
    """Return what is asked for by name. No other code is reached from here than what is installed.

    Raises
    ------
    NotFoundError
        If there is none; a path or a module is none.
    """
    known = plugins.names(GROUP) if kind == STEP else _pipelines(lake)
    if name not in known:
        raise NotFoundError(f"there is no {kind} {name[:80]!r}", hint="/runs/plan   lists them")
    if kind == STEP:
        return Offer(STEP, name, (Stage(find_step(name)),))
    found = find_pipelines(lake, [name])[0]
    return Offer(PIPELINE, name, found.stages, str(found.on))


def _pipelines(lake: Lake) -> list[str]:
    return sorted({*lake.settings.pipelines, *plugins.names(pipelines.GROUP)})
