"""Lineage: a walk over runs, to what an asset was made from and to what was made of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion

from panneuro.compute.inventory import normalised
from panneuro.compute.packages import LOCKED
from panneuro.compute.planning import Given, Plan, Planner, Source
from panneuro.compute.running import Ran, carry_out
from panneuro.compute.step import find_step
from panneuro.compute.texts import own_version
from panneuro.core.digests import PREFIX
from panneuro.core.errors import InputError
from panneuro.core.progress import Progress
from panneuro.core.run import Run
from panneuro.lake.asset import parse_reference
from panneuro.lake.lake import Lake

Asset = tuple[str, str]
"""Name and version; of a file that was added, its name and digest."""
_OURS = "panneuro"
Direction = Literal["up", "down"]


@dataclass(frozen=True)
class Lineage:
    """Runs that are connected by what they took and made.

    Parameters
    ----------
    roots : tuple of (str, str)
        Name and version of the assets that were asked about.
    direction : {"up", "down"}
        To what they were made from, or to what was made of them.
    runs : tuple of Run
        All that were met, each once, the nearest first.
    """

    roots: tuple[Asset, ...]
    direction: Direction
    runs: tuple[Run, ...]

    @property
    def assets(self) -> list[Asset]:
        """Every asset that was met, the roots first; without files."""
        met = dict.fromkeys(self.roots)
        for run in self.runs:
            met |= dict.fromkeys([*_inputs(run), *run.outputs.items()])
        return [one for one in met if not _is_file(one)]

    def edges(self) -> Iterator[tuple[Asset, Run, Asset]]:
        """Yield, for each run, each of its inputs with each of its outputs."""
        for run in self.runs:
            for source in _inputs(run):
                for made in run.outputs.items():
                    yield source, run, made

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "roots": [_named(*one) for one in self.roots],
            "direction": self.direction,
            "assets": [_named(*one) for one in self.assets],
            "runs": [
                {
                    "key": run.key,
                    "step": run.step,
                    "parameters": dict(run.parameters),
                    "inputs": {slot: dict(ones) for slot, ones in run.inputs.items()},
                    "outputs": dict(run.outputs),
                    "ended": run.ended,
                }
                for run in self.runs
            ],
        }

    def to_dot(self) -> str:
        """Return a drawing in the language of Graphviz."""
        lines = ["digraph lineage {", "  rankdir=LR;", "  node [shape=box];"]
        for run in self.runs:
            lines.append(f"  {_quoted(run.key)} [label={_quoted(run.step)}, shape=ellipse];")
            lines += [f"  {_quoted(_label(one))} -> {_quoted(run.key)};" for one in _inputs(run)]
            made = run.outputs.items()
            lines += [f"  {_quoted(run.key)} -> {_quoted(_label(one))};" for one in made]
        return "\n".join([*lines, "}"])

    def to_text(self) -> str:
        """Return a drawing in text: a tree for each root, what was drawn before only named."""
        following: dict[Asset, list[Run]] = defaultdict(list)
        for run in self.runs:
            near = run.outputs.items() if self.direction == "up" else _inputs(run)
            for one in near:
                following[one].append(run)
        drawn: set[Asset] = set()
        trees = (self._tree(root, following, drawn) for root in self.roots)
        return "\n".join(line for tree in trees for line in tree)

    def _tree(
        self, root: Asset, following: Mapping[Asset, Sequence[Run]], drawn: set[Asset]
    ) -> Iterator[str]:
        stack = [] if root in drawn else [(root, "", _label(root))]
        while stack:
            asset, indent, line = stack.pop()
            yield line + (" …" if asset in drawn and following.get(asset) else "")
            if asset in drawn:
                continue
            drawn.add(asset)
            up = self.direction == "up"
            for run in reversed(following.get(asset, [])):
                for other in reversed(_inputs(run) if up else list(run.outputs.items())):
                    arrow = "←" if up else "→"
                    text = f"{indent}  {_told(run)} {arrow} {_label(other)}"
                    stack.append((other, f"{indent}  ", text))


def lineage(lake: Lake, references: Iterable[str], direction: Direction = "up") -> Lineage:
    """Walk from assets to what they were made from, or to what was made of them.

    Parameters
    ----------
    lake : Lake
        Where.
    references : iterable of str
        ``NAME`` or ``NAME@VERSION``: upwards the latest version is meant, downwards any.
    direction : {"up", "down"}
        Which way.

    Raises
    ------
    NotFoundError
        If the lake has no such asset.
    """
    lake.refresh()
    roots: list[Asset] = []
    for reference in references:
        name, version = parse_reference(reference)
        known = lake[reference].version
        roots.append((name, version or known))
        if direction == "down" and not version:
            roots += [(name, run.outputs[name]) for run in lake.runs.making(name)]
    index = lake.runs
    if direction == "up":
        runs = _walk(roots, index.making, _inputs)
    else:
        runs = _walk(roots, index.using, lambda run: list(run.outputs.items()))
    return Lineage(tuple(dict.fromkeys(roots)), direction, tuple(runs))


def depending_on(lake: Lake, package: str) -> Lineage:
    """Return what was made with a package, and all that was made of it.

    Parameters
    ----------
    lake : Lake
        Where.
    package : str
        A name, with versions where they matter: ``numpy``, ``numpy==2.1.0``, ``scipy>=1.14,<1.15``.

    Raises
    ------
    InputError
        If that is no package with versions.
    """
    try:
        wanted = Requirement(package)
    except InvalidRequirement as error:
        raise InputError(f"{package!r} names no package", hint="numpy==2.1.0") from error
    lake.refresh()
    with_it = [
        run
        for name in (normalised(wanted.name), f"{normalised(wanted.name)} {LOCKED}")
        for run in lake.runs.with_package(name)
        if run.is_done and _is_within(run.packages[name], wanted)
    ]
    if normalised(wanted.name) == _OURS:
        with_it += _with_ours(lake, wanted)
    made = dict.fromkeys(pair for run in with_it for pair in run.outputs.items())
    after = _walk(list(made), lake.runs.using, lambda run: list(run.outputs.items()))
    runs = {run.key: run for run in [*with_it, *after]}
    return Lineage(tuple(made), "down", tuple(runs.values()))


def _with_ours(lake: Lake, wanted: Requirement) -> list[Run]:
    """Return the runs of steps that were carried out by a version of panneuro."""
    runs = [run for run in lake.runs.find(status="done") if run.installed]
    versions = {digest: own_version(lake.store, digest) for digest in {r.installed for r in runs}}
    return [run for run in runs if _is_within(versions[run.installed], wanted)]


def _is_within(version: str, wanted: Requirement) -> bool:
    try:
        return wanted.specifier.contains(version, prereleases=True)
    except InvalidVersion:
        return str(wanted.specifier) == f"=={version}"


def _walk(
    roots: Iterable[Asset],
    runs_of: Callable[[str, str], Sequence[Run]],
    onward: Callable[[Run], list[Asset]],
) -> list[Run]:
    met: dict[str, Run] = {}
    seen: set[Asset] = set()
    todo = list(roots)
    while todo:
        following: list[Asset] = []
        for asset in todo:
            if asset in seen or _is_file(asset):
                continue
            seen.add(asset)
            for run in runs_of(*asset):
                if run.is_done and run.key not in met:
                    met[run.key] = run
                    following += onward(run)
        todo = following
    return list(met.values())


def rerun(
    lake: Lake,
    runs: Iterable[Run],
    *,
    executor: str | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[Ran]:
    """Run again what was run, with the code and packages of now; what would be the same is there.

    What was made of something that is made anew takes the new one. What a later run of a step made
    anew already, with other parameters perhaps, is left: it would become the newest again.

    Parameters
    ----------
    lake : Lake
        Where.
    runs : iterable of Run
        Of steps that can still be found; what panneuro itself did is passed over.
    executor, workers, progress
        As for `panneuro.compute.running.run`.
    """
    of_steps = [run for run in runs if run.reference]
    newer = superseded(lake, of_steps)
    waiting = [run for run in of_steps if not newer.keys() & run.outputs.items()]
    ran = []
    while waiting:
        made_here = {pair for run in waiting for pair in run.outputs.items()}
        ready = [run for run in waiting if not made_here.intersection(_inputs(run))] or waiting
        waiting = [run for run in waiting if run not in ready]
        for group in _alike(ready):
            plan, names = _again(lake, group, newer)
            done = carry_out(lake, plan, executor=executor, workers=workers, progress=progress)
            ran.append(done)
            for run, name in zip(group, names, strict=True):
                for old in run.outputs.items():
                    newer[old] = (name, done.outputs.get(name, old[1]))
    return ran


def superseded(lake: Lake, runs: Iterable[Run]) -> dict[Asset, Asset]:
    """Return, by what runs of steps made, what later runs of a step made of the same name.

    Parameters
    ----------
    lake : Lake
        Where.
    runs : iterable of Run
        What panneuro itself did is passed over.
    """
    return {old: new for run in runs if run.reference for old, new in _remade(lake, run)}


def _remade(lake: Lake, run: Run) -> Iterator[tuple[Asset, Asset]]:
    """Yield what a run made that a later run of a step made anew, and what that made."""
    for old in run.outputs.items():
        later = next((one for one in lake.runs.making(old[0]) if one.reference), run)
        if (new := (old[0], later.outputs[old[0]])) != old:
            yield old, new


def _alike(runs: Iterable[Run]) -> list[list[Run]]:
    """Return runs by what they were given, to be planned together."""
    groups: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        given = (run.reference, sorted(run.parameters.items()), run.seed, sorted(run.takes.items()))
        groups[repr(given)].append(run)
    return list(groups.values())


def _again(lake: Lake, runs: Sequence[Run], newer: Mapping[Asset, Asset]) -> tuple[Plan, list[str]]:
    first = runs[0]
    given = Given(first.parameters, first.seed or 0, first.takes)
    planner = Planner(lake, find_step(first.reference), given)
    work, names = [], []
    for run in runs:
        sources = {
            slot: dict(_source(newer.get(one, one), run.takes[slot]) for one in ones.items())
            for slot, ones in run.inputs.items()
        }
        names.append(next(iter(run.outputs)))
        work.append((names[-1], sources))
    return planner.plan(work), names


def _source(asset: Asset, signal: str) -> tuple[str, Source]:
    name, version = asset
    return name, Source(name, version, (signal,))


def _inputs(run: Run) -> list[Asset]:
    return list(dict.fromkeys(pair for slot in run.inputs.values() for pair in slot.items()))


def _is_file(asset: Asset) -> bool:
    return asset[1].startswith(PREFIX)


def _label(asset: Asset) -> str:
    return asset[0] if _is_file(asset) else f"{asset[0]}@{asset[1]}"


def _named(name: str, version: str) -> dict[str, str]:
    return {"name": name, "version": version}


def _told(run: Run) -> str:
    given = ", ".join(f"{name}={value!r}" for name, value in run.parameters.items())
    own = run.reference and given
    return f"{run.step}({given})" if own else run.step


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
