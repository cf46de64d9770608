"""Views that somebody keeps, brought up to date by the commands that bring pipelines up to date."""

from __future__ import annotations

from collections.abc import Iterator

from panneuro.cli.answers import Answers
from panneuro.cli.progress import watched
from panneuro.core.edition import Edition
from panneuro.core.errors import PanneuroError, StoreError
from panneuro.lake.lake import Lake
from panneuro.views.keeping import Keeper, State
from panneuro.views.view import find_view
from panneuro.views.viewed import known


def refresh_stale(
    answers: Answers,
    lake: Lake,
    executor: str | None,
    workers: int | None,
    without: set[str] | None = None,
) -> None:
    """Refresh the views that were looked at once, and are no longer what they would be now.

    Parameters
    ----------
    answers : Answers
        Of the command.
    lake : Lake
        Which.
    executor, workers
        As for `panneuro.view`.
    without : set of str, optional
        Views that cannot be refreshed: told of once, and noted here.
    """
    without = set() if without is None else without
    for name, keeper, _ in _stale(answers, lake, without):
        try:
            with watched(answers, name) as progress:
                edition = keeper.refresh(
                    executor=executor or "", workers=workers, progress=progress
                )
        except StoreError:
            raise
        except PanneuroError as error:
            _give_up(answers, name, error, without)
        else:
            answers.line({"view": name, "edition": edition.number, "changes": edition.changes})
            answers.say(f"view {name}: edition {edition.number} ({changes_of(edition)})")


def foresee_stale(answers: Answers, lake: Lake) -> None:
    """Say which views would be refreshed, and why."""
    for name, _, state in _stale(answers, lake, set()):
        parts = [f"{len(state.todo):,} to compute"]
        parts += [f"{len(state.gone):,} gone"] if state.gone else []
        answers.say(f"view {name}: {', '.join(parts)}")
        for why in state.why:
            answers.say(f"  stale because: {why}")


def changes_of(edition: Edition) -> str:
    """Return in words what an edition changed."""
    return ", ".join(f"{n:,} {what}" for what, n in edition.changes.items()) or "nothing new"


def _stale(answers: Answers, lake: Lake, without: set[str]) -> Iterator[tuple[str, Keeper, State]]:
    """Yield the views that are stale; those of runs last, for refreshing others is a run too."""
    found = []
    for name, where in known(lake).items():
        if name not in without:
            try:
                found.append((name, Keeper(lake, find_view(where), {})))
            except StoreError:
                raise
            except PanneuroError as error:
                _give_up(answers, name, error, without)
    for name, keeper in sorted(found, key=lambda one: one[1].view.of_runs):
        state = keeper.state()
        if state.edition and not state.is_fresh:
            yield name, keeper, state


def _give_up(answers: Answers, name: str, error: PanneuroError, without: set[str]) -> None:
    without.add(name)
    answers.say(f"view {name} cannot be refreshed: {error.message}")
