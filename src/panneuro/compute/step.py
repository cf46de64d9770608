"""Step: a plain function on signals, with what it takes and gives declared."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, update_wrapper
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, create_model
from pydantic.errors import PydanticUserError

from panneuro.compute.annotations import types_of
from panneuro.compute.apart import call
from panneuro.compute.code import Code, code_of
from panneuro.compute.environments import Environment, build
from panneuro.compute.finding import find, is_of_file
from panneuro.compute.packages import reached
from panneuro.core.errors import InputError

GROUP = "panneuro.steps"
ASSET = "asset"
"""Taken under this name, the step gets the whole asset, to be read."""
SEED, CONTEXT = "seed", "context"
_APART = (SEED, CONTEXT)


@dataclass(frozen=True, slots=True)
class Resources:
    """What a run of a step needs.

    Parameters
    ----------
    cores : int
        Threads that libraries may use.
    memory_bytes : int, optional
        Learned from past runs where not given.
    gpus : int
        Devices.
    """

    cores: int = 1
    memory_bytes: int | None = None
    gpus: int = 0


class Step:
    """Something that the lake can run. Made by `step`; called, it is the function it was made of.

    Parameters
    ----------
    function : callable
        Pure: from signals and parameters to signals, tables, figures or documents.
    name : str
        Of the step.
    takes : mapping of str to str
        By parameter of the function, the name of a signal of the input, which may be a pattern
        such as ``*lf``; or `ASSET`.
    gives : tuple of str
        Names of what it returns.
    resources : Resources
        What it needs.
    tolerance : float
        How far, relative to the larger, numbers may differ between two machines; 0 for not at all.
    gathers : bool
        Whether one run takes all the assets: each taken parameter is a mapping by asset name.
    locked : str, Path or Environment, optional
        What `Context.call` calls functions in.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        name: str,
        takes: Mapping[str, str],
        gives: tuple[str, ...],
        resources: Resources,
        tolerance: float,
        gathers: bool,
        locked: str | Path | Environment | None = None,
    ) -> None:
        self.function = function
        self.name = name
        self.takes = dict(takes)
        self.gives = gives
        self.resources = resources
        self.tolerance = tolerance
        self.gathers = gathers
        self.locked = locked
        update_wrapper(self, function)
        self._check()

    def _check(self) -> None:
        signature = inspect.signature(self.function)
        missing = [name for name in self.takes if name not in signature.parameters]
        if missing:
            raise InputError(
                f"step {self.name!r} takes {missing[0]!r}, and its function has no such parameter",
                hint=f"def {self.name}({', '.join(self.takes)}, …)",
            )
        loose = [name for name, one in signature.parameters.items() if one.kind in _LOOSE]
        if loose:
            raise InputError(
                f"step {self.name!r}: its function has {loose[0]!r}, whose content cannot be known",
                hint="name every parameter",
            )
        if not self.gives or len(set(self.gives)) < len(self.gives):
            raise InputError(f"step {self.name!r} gives {self.gives!r}", hint="names, each once")

    def __call__(self, *values: Any, **named: Any) -> Any:
        """Call the function."""
        return self.function(*values, **named)

    def __repr__(self) -> str:
        return f"<Step {self.name}: {', '.join(self.takes)} → {', '.join(self.gives)}>"

    def __reduce__(self) -> tuple[Callable[[str], Step], tuple[str]]:
        return find_step, (self.reference,)

    @cached_property
    def reference(self) -> str:
        """Where it is found, from any process: ``module:function`` or ``path.py:function``."""
        module = self.function.__module__
        file = getattr(sys.modules.get(module), "__file__", None) or ""
        alone = file and (is_of_file(module) or module == "__main__")
        return f"{Path(file).resolve() if alone else module}:{self.function.__qualname__}"

    @property
    def is_found(self) -> bool:
        """Whether another process can find it; what a notebook defines cannot be found."""
        module, _, name = self.reference.rpartition(":")
        return "<locals>" not in name and module != "__main__" and bool(module)

    @cached_property
    def code(self) -> Code:
        """What it executes."""
        own = getattr(self.function, "code", None)
        return own if isinstance(own, Code) else code_of(self.function)

    @cached_property
    def environment(self) -> Environment | None:
        """The locked environment that it calls functions in, if it has one.

        Raises
        ------
        NotFoundError
            If its file cannot be read.
        InputError
            If it leaves a version open.
        """
        if self.locked is None:
            return None
        beside = Path(inspect.getsourcefile(self.function) or "").parent
        return Environment.of(self.locked, beside)

    @cached_property
    def packages(self) -> dict[str, str]:
        """Versions of the packages that it reaches; see `panneuro.compute.packages.reached`."""
        return reached(self.code.imports, self.environment)

    @cached_property
    def asks(self) -> frozenset[str]:
        """Which of ``seed`` and ``context`` its function has."""
        return frozenset(_APART) & inspect.signature(self.function).parameters.keys()

    @cached_property
    def annotations(self) -> dict[str, Any]:
        """Types of the function's parameters; of `takes` too, where they have one.

        Raises
        ------
        InputError
            If an annotation cannot be resolved.
        """
        known, unknown = types_of(self.function)
        for name, why in unknown.items():
            written = inspect.get_annotations(self.function)[name]
            raise InputError(
                f"step {self.name!r}: the annotation {written!r} of its parameter {name!r} "
                f"cannot be resolved: {why}",
                hint=f"import or define what it names at the top of {self._file}",
            )
        return known

    @property
    def _file(self) -> str:
        return getattr(sys.modules.get(self.function.__module__), "__file__", None) or "the file"

    @cached_property
    def _model(self) -> type[BaseModel]:
        kinds = self.annotations
        fields: dict[str, Any] = {}
        for name, one in inspect.signature(self.function).parameters.items():
            if name not in self.takes and name not in _APART:
                default = ... if one.default is inspect.Parameter.empty else one.default
                fields[name] = (self._parameter(name, kinds), default)
        config = ConfigDict(
            extra="forbid", allow_inf_nan=False, protected_namespaces=(), validate_default=True
        )
        return cast(type[BaseModel], create_model(self.name, __config__=config, **fields))

    def _parameter(self, name: str, kinds: Mapping[str, Any]) -> Any:
        """Return the type of a parameter, if a run's record can hold its values."""
        if name not in kinds:
            raise InputError(
                f"step {self.name!r}: its parameter {name!r} has no type",
                hint=f"write {name}: float = …",
            )
        kind = kinds[name]
        try:
            TypeAdapter(kind)
        except PydanticUserError as error:
            raise InputError(
                f"step {self.name!r}: its parameter {name!r} is of type "
                f"{getattr(kind, '__qualname__', kind)!r}, which no record of a run can hold",
                hint="numbers, texts, lists and mappings of them, models of pydantic; "
                "or take it from the asset: @step(takes=…)",
            ) from error
        return kind

    @property
    def parameters(self) -> dict[str, Any]:
        """JSON Schema of each parameter, by name."""
        return dict(self._model.model_json_schema().get("properties", {}))

    def validated(self, given: Mapping[str, Any]) -> BaseModel:
        """Return all parameters, as their types say, with the defaults of those not given.

        Raises
        ------
        InputError
            If one is unknown, missing or not of its type.
        """
        try:
            return self._model.model_validate(dict(given))
        except ValidationError as error:
            told = "; ".join(_told(dict(one)) for one in error.errors())
            known = ", ".join(self._model.model_fields) or "none"
            raise InputError(
                f"step {self.name!r}: {told}", hint=f"its parameters: {known}"
            ) from error


def _told(problem: Mapping[str, Any]) -> str:
    """Return in words what a parameter is not."""
    name = ".".join(map(str, problem["loc"]))
    match problem["type"]:
        case "extra_forbidden":
            return f"it has no parameter {name!r}"
        case "missing":
            return f"{name} is not given"
    return f"{name}={problem['input']!r}: {problem['msg'][:1].lower()}{problem['msg'][1:]}"


_LOOSE = (
    inspect.Parameter.VAR_POSITIONAL,
    inspect.Parameter.VAR_KEYWORD,
    inspect.Parameter.POSITIONAL_ONLY,
)


@dataclass(frozen=True, slots=True)
class Context:
    """What a run offers to a step that asks for it by a parameter named ``context``.

    Parameters
    ----------
    map : callable
        Like the built-in, in order: over the cores that the step may use, on Dask over all workers.
    cores : int
        How many those are.
    folder : Path
        Empty, and gone after the run.
    environment : Environment, optional
        That the step declares.
    """

    map: Callable[..., Iterable[Any]]
    cores: int
    folder: Path
    environment: Environment | None = None

    def call(self, function: Callable[..., Any], **inputs: Any) -> Any:
        """Call a function in the step's own environment; see `panneuro.compute.apart.call`.

        Raises
        ------
        InputError
            If the step declares none.
        UnobtainableError
            If packages cannot be had.
        """
        if self.environment is None:
            raise InputError(
                f"{function.__name__!r} cannot be called apart: its step declares no environment",
                hint='@step(…, environment="requirements.lock")',
            )
        return call(build(self.environment), function, self.folder, self.cores, **inputs)


def step(
    *,
    takes: str | Iterable[str] | Mapping[str, str],
    gives: str | Iterable[str],
    name: str = "",
    resources: Resources | None = None,
    tolerance: float = 0.0,
    gathers: bool = False,
    environment: str | Path | Environment | None = None,
) -> Callable[[Callable[..., Any]], Step]:
    """Turn a function into a step.

    Parameters
    ----------
    takes : str, iterable of str, or mapping of str to str
        Parameters of the function that are signals of the input, under their own names; as a
        mapping, under the names of these signals. ``"asset"`` is the whole asset.
    gives : str or iterable of str
        Names of what it returns: one value, or as many in a tuple, or a mapping by name. Signals,
        DataFrames, arrays of xarray or NumPy, figures of Matplotlib, documents and plain values
        (dicts, lists, numbers, text) can be kept, files and folders too (``pathlib.Path``).
    name : str, optional
        The function's, with ``-`` for ``_``.
    resources : Resources, optional
        What a run needs.
    tolerance : float
        How far, relative to the larger, numbers may differ between two machines.
    gathers : bool
        Whether one run takes all the assets that are found, instead of one run each.
    environment : str, Path or Environment, optional
        A lock file, beside the function's own, or its text: packages that need not suit those of
        panneuro. What needs them is a function in a file of its own, called by `Context.call`.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> @step(takes="units", gives="rates")
    ... def firing_rates(units, min_spikes: int = 1) -> pd.DataFrame:
    ...     counts = units.counts
    ...     return pd.DataFrame({"unit": units.ids, "spikes": counts})[counts >= min_spikes]
    >>> firing_rates
    <Step firing-rates: units → rates>
    >>> firing_rates.validated({"min_spikes": "5"})
    firing-rates(min_spikes=5)
    """
    wanted, given = declared(takes, gives)

    def decorate(function: Callable[..., Any]) -> Step:
        return Step(
            function,
            name=name or function.__name__.replace("_", "-"),
            takes=wanted,
            gives=given,
            resources=resources or Resources(),
            tolerance=tolerance,
            gathers=gathers,
            locked=environment,
        )

    return decorate


def declared(
    takes: str | Iterable[str] | Mapping[str, str], gives: str | Iterable[str]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return what is taken, by parameter, and the names of what is given."""
    if isinstance(takes, str):
        takes = (takes,)
    wanted = dict(takes) if isinstance(takes, Mapping) else {one: one for one in takes}
    return wanted, (gives,) if isinstance(gives, str) else tuple(gives)


def find_step(reference: str | Step) -> Step:
    """Return a step; see `panneuro.compute.finding.find`."""
    return reference if isinstance(reference, Step) else find(reference, Step, GROUP)
