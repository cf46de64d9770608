"""Pipelines: steps wired by what they take and give, over what a search finds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from panneuro.compute.finding import load_file
from panneuro.compute.planning import Given, matching
from panneuro.compute.step import ASSET, Step, find_step
from panneuro.core import plugins
from panneuro.core.errors import InputError, NotFoundError
from panneuro.core.query import Query

if TYPE_CHECKING:
    from panneuro.lake.lake import Lake

GROUP = "panneuro.pipelines"
_STAGE = ("step", "parameters", "seed", "takes", "as")


@dataclass(frozen=True)
class Stage:
    """A step in a pipeline, with what it is given.

    Parameters
    ----------
    step : Step
        Which.
    given : Given
        Parameters, seed, signals and label.
    """

    step: Step
    given: Given = field(default_factory=Given)

    @property
    def label(self) -> str:
        """Names what it makes."""
        return self.given.label or self.step.name

    @property
    def takes(self) -> dict[str, str]:
        """By parameter, what is taken."""
        return self.step.takes | dict(self.given.takes)


def stage(
    step: str | Step,
    *,
    seed: int = 0,
    takes: Mapping[str, str] | None = None,
    label: str = "",
    **parameters: Any,
) -> Stage:
    """Return a step as a pipeline has it, with its parameters.

    Parameters
    ----------
    step : str or Step
        As for `panneuro.compute.running.run`.
    seed, takes, label, **parameters
        As for `panneuro.compute.running.run`.
    """
    return Stage(find_step(step), Given(parameters, seed, takes or {}, label))


class Pipeline:
    """Steps over assets: each takes from the nearest step before it, else from the asset itself.

    Parameters
    ----------
    name : str
        Of the pipeline.
    on : str or Query
        Which assets it begins with.
    steps : iterable of Step, Stage or str
        In an order in which what one takes is given before.

    Examples
    --------
    >>> import panneuro
    >>> @panneuro.step(takes="units", gives="counts")
    ... def count(units) -> list:
    ...     return units.counts.tolist()
    >>> @panneuro.step(takes="counts", gives="total")
    ... def add_up(counts) -> int:
    ...     return sum(counts)
    >>> pipeline = Pipeline("spikes", on="has:units", steps=[count, add_up])
    >>> pipeline
    <Pipeline spikes on 'has:units': count → add-up>
    >>> pipeline.provider(1, "counts")
    0
    """

    def __init__(self, name: str, *, on: str | Query, steps: Iterable[Step | Stage | str]) -> None:
        self.name = name
        self.on = on
        self.stages = tuple(one if isinstance(one, Stage) else stage(one) for one in steps)
        labels = [one.label for one in self.stages]
        if not labels or len(set(labels)) < len(labels):
            raise InputError(
                f"pipeline {name!r} has steps {', '.join(labels) or 'none'}",
                hint="at least one, and different names: stage(step, label=NAME)",
            )
        self._refuse_each_after_all()

    def __repr__(self) -> str:
        chain = " → ".join(one.label for one in self.stages)
        return f"<Pipeline {self.name} on {str(self.on)!r}: {chain}>"

    def provider(self, at: int, signal: str) -> int | None:
        """Return which stage gives what another takes, None where it is the asset's own.

        Parameters
        ----------
        at : int
            The stage that takes.
        signal : str
            What it takes.
        """
        if signal == ASSET:
            return None
        for earlier in reversed(range(at)):
            if matching(self.stages[earlier].step.gives, signal):
                return earlier
        return None

    def _refuse_each_after_all(self) -> None:
        """Refuse a step for each asset that takes what is there once for all of them."""
        gathered: set[int] = set()
        for at, one in enumerate(self.stages):
            providers = {self.provider(at, signal) for signal in one.takes.values()}
            if one.step.gathers or providers & gathered:
                if not one.step.gathers and providers - gathered:
                    raise InputError(
                        f"pipeline {self.name!r}: {one.label!r} takes of each asset and of all",
                        hint="let it gather too",
                    )
                gathered.add(at)

    def once(self, at: int) -> bool:
        """Say whether a stage runs once for all assets."""
        one = self.stages[at]
        if one.step.gathers:
            return True
        found = [self.provider(at, signal) for signal in one.takes.values()]
        return any(provider is not None and self.once(provider) for provider in found)


def find_pipelines(lake: Lake, names: Iterable[str] = (), on: str = "") -> list[Pipeline]:
    """Return pipelines by name: of ``lake.toml``, of a file, or installed; all of ``lake.toml``.

    Parameters
    ----------
    lake : Lake
        Whose settings are looked at.
    names : iterable of str
        ``NAME``, ``path/to/file.py`` or ``path/to/file.py:NAME``.
    on : str
        A search to use instead of each pipeline's own.

    Raises
    ------
    NotFoundError
        If there is none of a name.
    InputError
        If what is said of one cannot be understood.
    """
    names = list(names) or list(lake.settings.pipelines)
    found = [one for name in names for one in _named(lake, name)]
    return [Pipeline(one.name, on=on, steps=one.stages) for one in found] if on else found


def _named(lake: Lake, name: str) -> Iterator[Pipeline]:
    if name in lake.settings.pipelines:
        yield _from_table(lake, name, lake.settings.pipelines[name])
        return
    path, _, wanted = name.partition(".py")
    if name.endswith(".py") or wanted.startswith(":"):
        yield from _of_file(Path(f"{path}.py"), wanted.removeprefix(":"))
    elif name in plugins.names(GROUP):
        yield plugins.load(GROUP, name)
    else:
        known = [*lake.settings.pipelines, *plugins.names(GROUP)]
        raise NotFoundError(
            f"there is no pipeline {name!r}",
            hint=f"known: {', '.join(known) or 'none; [pipelines.NAME] in lake.toml makes one'}",
        )


def _of_file(path: Path, wanted: str) -> Iterator[Pipeline]:
    held = [one for one in vars(load_file(path)).values() if isinstance(one, Pipeline)]
    found = [one for one in dict.fromkeys(held) if wanted in ("", one.name)]
    if not found:
        known = ", ".join(one.name for one in held)
        raise NotFoundError(
            f"{str(path)!r} has no pipeline {wanted!r}", hint=f"it has: {known or 'none'}"
        )
    yield from found


def _from_table(lake: Lake, name: str, said: Any) -> Pipeline:
    if not isinstance(said, Mapping) or not isinstance(said.get("steps"), list):
        raise _unreadable(name, "it has no list of steps")
    if unknown := set(said) - {"on", "steps"}:
        raise _unreadable(name, f"{sorted(unknown)[0]!r} is not known")
    steps = [_stage(lake, name, one) for one in said["steps"]]
    return Pipeline(name, on=said.get("on", ""), steps=steps)


def _unreadable(name: str, why: str) -> InputError:
    return InputError(
        f"reading lake.toml: [pipelines.{name}]: {why}",
        hint='on = "has:units"   and   steps = ["path/to/file.py:function", …]',
    )


def _stage(lake: Lake, name: str, said: Any) -> Stage:
    if isinstance(said, str):
        return Stage(find_step(_beside(lake, said)))
    if not isinstance(said, Mapping) or "step" not in said:
        raise _unreadable(name, f"{said!r} names no step")
    if unknown := set(said) - set(_STAGE):
        raise _unreadable(name, f"{sorted(unknown)[0]!r} is not one of {', '.join(_STAGE)}")
    given = Given(
        said.get("parameters", {}), said.get("seed", 0), said.get("takes", {}), said.get("as", "")
    )
    return Stage(find_step(_beside(lake, said["step"])), given)


def _beside(lake: Lake, reference: str) -> str:
    """Return the reference of a step whose file lies in the lake's own folder, or here."""
    place = urlsplit(lake.store.url)
    inside = Path(unquote(place.path)) / reference
    is_there = place.scheme == "file" and Path(str(inside).partition(".py")[0] + ".py").is_file()
    return str(inside) if ".py" in reference and is_there else reference
