"""What a check tells of: problems, and how much was looked at."""

from __future__ import annotations

from dataclasses import dataclass, field

from panneuro.core.errors import StoreDeniedError

_NO_WRONG = ("unfinished", "gone", "expired")


STEP = "panneuro.check"
"""As which run it is recorded that everything was checked."""


@dataclass(frozen=True)
class Problem:
    """Something that is not as it should be.

    Parameters
    ----------
    kind : str
        ``missing``, ``corrupt``, ``unreadable``, ``orphan``, ``unfinished``, ``gone``, ``expired``,
        ``not-indexed``, ``index-differs`` or ``index-only``.
    asset : str
        Name and version; or the step of a run, or the view.
    key : str
        Of the object in the lake.
    message : str
        What is wrong, and what to do.
    repaired : bool
        Whether it was put right now.
    """

    kind: str
    asset: str
    key: str
    message: str
    repaired: bool = False


@dataclass
class Report:
    """What a check found.

    Parameters
    ----------
    problems : list of Problem
        In the order found.
    checked_assets, checked_files, checked_bytes, checked_runs, checked_editions : int
        How much was looked at.
    denied : StoreDeniedError, optional
        Why nothing but indexes was put right, though it was to be.
    """

    problems: list[Problem] = field(default_factory=list)
    checked_assets: int = 0
    checked_files: int = 0
    checked_bytes: int = 0
    checked_runs: int = 0
    checked_editions: int = 0
    denied: StoreDeniedError | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong that was not put right.

        What was left unfinished is no wrong, nor is what a run names and the lake gave up, nor
        what can be made again and expired.
        """
        return all(problem.repaired or problem.kind in _NO_WRONG for problem in self.problems)

    def note(
        self, kind: str, asset: str, key: str, message: str, *, repaired: bool = False
    ) -> None:
        """Add a problem."""
        self.problems.append(Problem(kind, asset, key, message, repaired))
