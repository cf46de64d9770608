"""Learning session after session: what is kept, what is forgotten, what helps later.

Sources: accuracy and transfer, Lopez-Paz & Ranzato (2017) Adv. Neural Inf. Process. Syst. 30:6467;
forgetting, Chaudhry et al. (2018) ECCV 11215:556.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from sklearn.base import clone

from panneuro.analysis.decoding import check_features, fresh
from panneuro.analysis.kinds import check_kind
from panneuro.analysis.reals import as_array
from panneuro.core.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Session:
    """One session's trials, those to learn from and those to be tested on.

    Parameters
    ----------
    features : array-like, shape (n_trials, n_units)
        The same cells, or the same latent dimensions, in all sessions.
    labels : array-like, shape (n_trials,)
    test_features : array-like, shape (n_test, n_units)
    test_labels : array-like, shape (n_test,)
    """

    features: npt.ArrayLike
    labels: npt.ArrayLike
    test_features: npt.ArrayLike
    test_labels: npt.ArrayLike


@dataclass(frozen=True)
class Continual:
    """Accuracy on every session after learning every session.

    Parameters
    ----------
    accuracies : DataArray, dims (learnt, tested)
        After learning a session and those before it; on the session that is tested.
    untrained : ndarray, shape (n_sessions,)
        Accuracy expected of guessing in each session: the share of its commonest label in training.
    """

    accuracies: xr.DataArray
    untrained: Floats

    @property
    def mean_accuracy(self) -> float:
        """Mean accuracy on all sessions after the last."""
        return float(self.accuracies[-1].mean())

    @property
    def backward_transfer(self) -> float:
        """How much learning later sessions changed earlier ones: below 0 is forgetting."""
        values = np.asarray(self.accuracies)
        last, then = values[-1, :-1], np.diag(values)[:-1]
        return float(np.mean(last - then))

    @property
    def forward_transfer(self) -> float:
        """How much better than guessing a session goes before it is learnt."""
        ahead = np.diag(self.accuracies, 1)
        return float(np.mean(ahead - self.untrained[1:]))

    @property
    def forgetting(self) -> Floats:
        """By how much each session but the last fell from its best, shape (n_sessions - 1,)."""
        values = np.asarray(self.accuracies)
        return np.asarray(values[:-1].max(axis=0)[:-1] - values[-1, :-1])

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw how the accuracy on each session changes while sessions are learnt.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; a new figure as wide as a column where not given.

        Returns
        -------
        Axes
        """
        drawn: Axes = self.accuracies.transpose("tested", "learnt").neuro.plot(ax)
        return drawn


Learn = Callable[[Any, Floats, npt.NDArray[Any], npt.NDArray[Any]], Any]
"""Given a model, features, labels and all labels there will ever be, returns the model, taught."""


def partial_fit(
    model: Any, features: Floats, labels: npt.NDArray[Any], classes: npt.NDArray[Any]
) -> Any:
    """Teach a scikit-learn estimator one session more."""
    if not hasattr(model, "partial_fit"):
        raise InputError(f"{type(model).__name__} learns all at once", hint="learn=refit")
    return model.partial_fit(features, labels, classes=classes)


def refit(model: Any, features: Floats, labels: npt.NDArray[Any], classes: npt.NDArray[Any]) -> Any:
    """Teach a scikit-learn estimator one session and let it forget all others: the worst case."""
    del classes
    return fresh(model).fit(features, labels)


def learn_continually(
    model: Any, sessions: Sequence[Session], learn: Learn = partial_fit
) -> Continual:
    """Teach a decoder session after session, and test it on all of them after each.

    Parameters
    ----------
    model : estimator
        Anything with ``predict``; a scikit-learn estimator is cloned, and not changed.
    sessions : sequence of Session
        At least two, in the order of learning.
    learn : callable
        How one session is taught: :func:`partial_fit`, :func:`refit`, or one's own (with a memory
        of earlier trials, with a penalty on what matters to them, …).

    Returns
    -------
    Continual

    Raises
    ------
    InputError
        If there are fewer than two sessions, they have different cells, or values are not finite.

    Examples
    --------
    >>> from sklearn.naive_bayes import GaussianNB
    >>> random, labels = np.random.default_rng(0), np.tile([0, 1], 50)
    >>> def session(shift):
    ...     points = random.normal(size=(100, 4)) + 3 * labels[:, None] + shift
    ...     return Session(points[:50], labels[:50], points[50:], labels[50:])
    >>> found = learn_continually(GaussianNB(), [session(0), session(9)], refit)
    >>> found.backward_transfer < -0.4
    True
    """
    check_kind(sessions, Sequence, "learning continually", "sessions=[first, second]")
    if len(sessions) < 2:
        raise InputError(f"{len(sessions)} sessions were given; forgetting needs two or more")
    checked = [_check(session) for session in sessions]
    widths = {points.shape[1] for points, _, tested, _ in checked for points in (points, tested)}
    if len(widths) > 1:
        raise InputError(
            f"sessions have {sorted(widths)} cells",
            hint="match cells across sessions, or align them to common dimensions first",
        )
    classes = np.unique(np.concatenate([labels for _, labels, _, _ in checked]))
    taught, rows = clone(model, safe=False), []
    for points, labels, _, _ in checked:
        taught = learn(taught, points, labels, classes)
        rows.append([float(np.mean(taught.predict(x) == y)) for _, _, x, y in checked])
    numbers = np.arange(len(sessions))
    coordinates = {
        "learnt": ("learnt", numbers, {"long_name": "last session learnt"}),
        "tested": ("tested", numbers, {"long_name": "session tested"}),
    }
    accuracies = xr.DataArray(rows, coordinates, ("learnt", "tested"), "accuracy", {"units": "1"})
    return Continual(accuracies, np.array([_guess(y, t) for _, y, _, t in checked]))


def _check(session: Session) -> tuple[Floats, npt.NDArray[Any], Floats, npt.NDArray[Any]]:
    check_kind(session, Session, "learning continually")
    labels, tested = as_array(session.labels, "labels"), as_array(session.test_labels, "labels")
    for one in (labels, tested):
        if one.ndim != 1 or not len(one):
            raise InputError(f"labels of a session have the shape {one.shape}")
    points = check_features(session.features, len(labels))
    return points, labels, check_features(session.test_features, len(tested)), tested


def _guess(labels: npt.NDArray[Any], tested: npt.NDArray[Any]) -> float:
    classes, counts = np.unique(labels, return_counts=True)
    return float(np.mean(tested == classes[counts.argmax()]))
