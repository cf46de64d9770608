"""Proving a result: the recorded code on the recorded inputs in the recorded environment, again."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

from panneuro.compute.comparing import Difference, compare
from panneuro.compute.obtaining import Recipe
from panneuro.core.errors import (
    InputError,
    NotAllowedError,
    NotFoundError,
    PanneuroError,
    StoreError,
    UnobtainableError,
)
from panneuro.core.progress import Progress, Silence
from panneuro.core.run import Run
from panneuro.lake.asset import Asset
from panneuro.lake.retiring import REPRODUCE
from panneuro.lake.runs import Attempt
from panneuro.storage.stores import open_store

if TYPE_CHECKING:
    from panneuro.lake.lake import Lake

STEP = REPRODUCE
"""Under which verdicts are found among the runs."""

Outcome = Literal["identical", "equal", "different", "failed", "unobtainable"]
_STAGES = 3


@dataclass(frozen=True)
class Verdict:
    """What came of repeating a run.

    Parameters
    ----------
    name, version : str
        Of the asset that it made.
    run, step : str
        Key and step of the run.
    outcome : {"identical", "equal", "different", "failed", "unobtainable"}
        The same bytes; the same values, within the tolerance; other values; the repetition failed;
        it could not even begin.
    where : {"isolated", "here"}
        In the recorded environment, built apart; or in the present one, which equals it.
    tolerance : float
        How far numbers might differ.
    differences : tuple of Difference
        Between what was made and what was made again.
    missing : mapping of str to str
        What is not obtainable any more, and why.
    notes : tuple of str
        What else was not as it was.
    error : str
        Why the repetition failed.
    """

    name: str
    version: str
    run: str
    step: str
    outcome: Outcome
    where: Literal["isolated", "here"]
    tolerance: float
    differences: tuple[Difference, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    error: str = ""

    @property
    def is_reproduced(self) -> bool:
        """Whether the same was made again."""
        return self.outcome in ("identical", "equal")

    def __repr__(self) -> str:
        return f"<Verdict {self.name}@{self.version}: {self.outcome}>"

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return {**asdict(self), "missing": dict(self.missing), "reproduced": self.is_reproduced}


def reproduce(
    lake: Lake,
    reference: str,
    *,
    here: bool = False,
    tolerance: float | None = None,
    quick: bool = False,
    progress: Progress | None = None,
) -> Verdict:
    """Repeat the run that made an asset, away from the lake, and compare what comes of it.

    The recorded packages are built apart, the recorded code is run by the recorded panneuro on the
    recorded inputs, and nothing else of the lake can be read by it. The verdict is recorded as a
    run of ``panneuro.reproduce`` of which the asset is the input.

    Parameters
    ----------
    lake : Lake
        Where.
    reference : str
        ``NAME`` or ``NAME@VERSION``.
    here : bool
        Use the packages that are installed here instead, if they are the recorded ones.
    tolerance : float, optional
        How far, relative to the larger, numbers may differ; what the step declares by default.
    quick : bool
        Compare only the sizes of the inputs' objects beforehand, not their digests.
    progress : Progress, optional
        Told of the stages.

    Returns
    -------
    Verdict
        Also where something is missing, or where the repetition fails.

    Raises
    ------
    NotFoundError
        If there is no such asset, or no run is recorded that made it.
    InputError
        If it was not computed by a step; or for `here`, if other packages are installed here.
    """
    lake.refresh()
    asset = lake[reference]
    run = maker(lake, asset)
    allowed = run.tolerance if tolerance is None else tolerance
    if not 0 <= allowed < float("inf"):
        raise InputError(f"a tolerance of {allowed!r}", hint="0 for the same bytes, 1e-9, …")
    progress = progress or Silence()
    progress.start("reproducing", _STAGES, "stages")
    attempt, recipe = Attempt(_about(asset, run)), Recipe(lake, run)
    verdict = Verdict(
        asset.name, asset.version, run.key, run.step, "failed", "here" if here else "isolated",
        allowed,
    )  # fmt: skip
    recipe.look(quick=quick)
    progress.advance(1)
    if here and not recipe.missing and (changed := recipe.differs_here()):
        raise InputError(
            f"reproducing {asset.name!r} here: {len(changed)} packages are not the recorded ones: "
            f"{', '.join(changed[:6])}",
            hint="leave out --here: the recorded ones are built apart",
        )
    if recipe.missing:
        verdict = replace(verdict, outcome="unobtainable", missing=dict(recipe.missing))
    else:
        verdict = _repeated(recipe, asset, verdict, progress)
    progress.advance(1)
    _record(lake, attempt, verdict)
    return verdict


def maker(lake: Lake, asset: Asset) -> Run:
    """Return the run that made an asset.

    Raises
    ------
    NotFoundError
        If none is recorded.
    InputError
        If it was not computed by a step.
    """
    run = lake.runs.get(asset.manifest.run) if asset.manifest.run else None
    made = lake.runs.making(asset.name, asset.version)
    run = run or (made[0] if made else None)
    if run is None:
        raise NotFoundError(
            f"no run is recorded that made {asset.name}@{asset.version}",
            hint="panneuro reindex   if runs/ was restored meanwhile",
        )
    if run.step.startswith("panneuro.") and not run.code:
        parent = asset.manifest.parent
        raise InputError(
            f"{asset.name}@{asset.version} was not computed: it is from {run.step!r}",
            hint=f"panneuro reproduce {asset.name}@{parent}"
            if parent
            else "panneuro check   verifies what was recorded",
        )
    return run


def _repeated(recipe: Recipe, asset: Asset, verdict: Verdict, progress: Progress) -> Verdict:
    """Build, run and compare."""
    with ExitStack() as stack:
        try:
            again = stack.enter_context(
                repetition(recipe, asset, here=verdict.where == "here", progress=progress)
            )
        except UnobtainableError as error:
            missing = {f"package {what}": why for what, why in error.missing.items()}
            told = missing or {"environment": error.message}
            return replace(verdict, outcome="unobtainable", missing=told)
        except PanneuroError as error:
            return replace(verdict, error=error.message)
        verdict = replace(verdict, notes=again.notes, error=again.error)
        if again.asset is None:
            return verdict
        outcome, differences = compare(asset, again.asset, verdict.tolerance)
        return replace(verdict, outcome=outcome, differences=differences)


@dataclass(frozen=True)
class Repetition:
    """What came of running a recorded run again.

    Parameters
    ----------
    asset : Asset, optional
        What it made; None where it failed.
    folder : Path
        The lake that it made it in, which does not stay.
    notes : tuple of str
        What was not as it was.
    error : str
        Why it failed.
    """

    asset: Asset | None
    folder: Path
    notes: tuple[str, ...] = ()
    error: str = ""


@contextmanager
def repetition(
    recipe: Recipe, asset: Asset, *, here: bool, progress: Progress | None = None
) -> Iterator[Repetition]:
    """Run again what made an asset, away from its lake, and give what comes of it.

    Raises
    ------
    UnobtainableError
        If its packages are not to be had any more.
    PanneuroError
        If it cannot be begun.
    """
    with TemporaryDirectory(prefix="panneuro-reproduce-") as name:
        folder = Path(name)
        python, notes = recipe.python(here=here)
        (progress or Silence()).advance(1)
        answer = _answer(recipe, asset, python, folder)
        notes += tuple(recipe.notes)
        notes += tuple(
            f"the {what} found were not those recorded"
            for what in ("code", "packages")
            if not answer.get(what, True)
        )
        lake = folder / "lake"
        if error := _error(answer):
            yield Repetition(None, lake, notes, error)
            return
        ((made, version),) = Run.decode(json.dumps(answer["run"])).outputs.items()
        yield Repetition(Asset.open(open_store(lake), made, version), lake, notes)


def _error(answer: Mapping[str, Any]) -> str:
    if "error" in answer:
        return str(answer["error"])
    told = answer["run"].get("error") or {}
    return str(told.get("message", ""))


def _answer(recipe: Recipe, asset: Asset, python: Path, folder: Path) -> dict[str, Any]:
    """Have the run repeated; return what is answered."""
    reference = recipe.lay_out(folder)
    (folder / "lake").mkdir()
    order = {
        "lake": recipe.lake.store.url,
        "scratch": str(folder / "lake"),
        "keys": sorted(recipe.keys),
        "run": recipe.run.to_json(),
        "name": asset.name,
        "reference": reference,
        "lock": recipe.lock,
    }
    return _asked(python, order, folder)


def _asked(python: Path, order: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Have another process do what is ordered."""
    path = folder / "order.json"
    path.write_text(json.dumps(order), encoding="utf-8")
    done = subprocess.run(
        [python, "-s", "-m", "panneuro.compute.repeating", path],
        cwd=folder / "lake",
        env=_surroundings(folder),
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    try:
        return dict(json.loads(path.with_name("answer.json").read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        end = "; ".join(done.stderr.strip().splitlines()[-3:])
        step = order["run"]["step"]
        raise PanneuroError(
            f"the repetition of {step!r} ended with {done.returncode} and said nothing of its run: "
            f"{end}"
        ) from error


def _surroundings(folder: Path) -> dict[str, str]:
    """Return the variables that the repetition sees: the same, but what tells Python of others."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    path = os.pathsep.join(str(folder / part) for part in ("source", "code"))
    return kept | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}


def _about(asset: Asset, run: Run) -> Run:
    now = datetime.now(UTC).isoformat()
    return Attempt.at(STEP, {"run": run.key, "at": now}, {asset.name: asset.version}).said


def _record(lake: Lake, attempt: Attempt, verdict: Verdict) -> None:
    """Note the verdict; that a lake cannot be written to does not make it less true."""
    said = verdict.to_json()
    problem = {
        "code": f"reproduce/{verdict.outcome}",
        "message": summary(verdict),
        "hint": "",
    }
    try:
        run = attempt.record(
            lake.store,
            status="done" if verdict.is_reproduced else "failed",
            error={} if verdict.is_reproduced else problem,
            log=json.dumps(said, ensure_ascii=False),
        )
    except (StoreError, NotAllowedError):
        return
    lake.learn([run])


def verdicts(lake: Lake, name: str, version: str = "") -> list[tuple[str, Verdict]]:
    """Return when an asset, or a version of it, was reproduced, and with what outcome.

    Returns
    -------
    list of (str, Verdict)
        Times in ISO 8601 and verdicts, the latest first.
    """
    return [
        (run.ended, _read(run))
        for run in lake.runs.using(name, version)
        if run.step == STEP and run.log
    ]


def _read(run: Run) -> Verdict:
    said = json.loads(run.log)
    said.pop("reproduced")
    said["differences"] = tuple(Difference(**one) for one in said["differences"])
    return Verdict(**said | {"notes": tuple(said["notes"])})


def summary(verdict: Verdict) -> str:
    """Return a verdict in one sentence.

    Examples
    --------
    >>> summary(Verdict("m1_tune", "0a", "0b", "tune", "identical", "isolated", 0.0))
    'm1_tune@0a is reproduced: the same bytes'
    """
    name = f"{verdict.name}@{verdict.version}"
    first = "; ".join(f"{one.name} {one.why}" for one in verdict.differences[:3])
    lost = "; ".join(f"{what}: {why}" for what, why in verdict.missing.items())
    return {
        "identical": f"{name} is reproduced: the same bytes",
        "equal": f"{name} is reproduced: the same values{first and f' ({first})'}, in other bytes",
        "different": f"{name} is not reproduced: {first}",
        "failed": f"{name} is not reproduced: the repetition failed: {verdict.error}",
        "unobtainable": f"{name} cannot be reproduced: no longer obtainable: {lost}",
    }[verdict.outcome]
