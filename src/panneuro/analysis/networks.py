"""A small network over units and time, as pure functions, and how it learns.

Units are mixed into a few channels, alike in every bin, so that weights do not grow with time;
residual convolutions over time find what follows what, wherever in the trial; attention gathers
each channel from the bins that matter, and a last layer relates what was gathered.

Sources: residual temporal convolutions, Bai, Kolter & Koltun (2018) arXiv:1803.01271; a shared
mixture of channels before them, Lawhern et al. (2018) J. Neural Eng. 15:056013; AdamW, Loshchilov &
Hutter (2019) ICLR; dropout, Srivastava et al. (2014) J. Mach. Learn. Res. 15:1929.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.analysis.streams import Seed, child, root, stream
from panneuro.core.extras import need

jax = need("jax", "deep", "The deep decoder")
jnp = need("jax.numpy", "deep", "The deep decoder")
optax = need("optax", "deep", "The deep decoder")

type Weights = dict[str, Any]
"""Arrays of float32 by name."""


@dataclass(frozen=True)
class Shape:
    """How large a network is.

    Parameters
    ----------
    n_units, n_bins, n_classes : int
        What goes in and out.
    n_hidden : int
        Channels into which units are mixed.
    n_blocks : int
        Residual convolutions.
    width : int
        Bins that each sees, at most `n_bins`.
    n_heads : int
        Ways of gathering over time.
    """

    n_units: int
    n_bins: int
    n_classes: int
    n_hidden: int
    n_blocks: int
    width: int
    n_heads: int = 4

    def sizes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of each array of weights."""
        hidden = self.n_hidden
        sizes: dict[str, tuple[int, ...]] = {
            "mixture": (self.n_units, hidden),
            "times": (self.n_bins, hidden),
            "heads": (hidden, self.n_heads),
            "gathered": (self.n_heads * hidden, hidden),
            "gathered_bias": (hidden,),
            "output": (hidden, self.n_classes),
            "output_bias": (self.n_classes,),
        }
        for block in range(self.n_blocks):
            sizes[f"filter_{block}"] = (min(self.width, self.n_bins), hidden, hidden)
            sizes[f"filter_{block}_bias"] = (hidden,)
        return sizes


@dataclass(frozen=True)
class Rates:
    """How a network learns from each batch.

    Parameters
    ----------
    learning_rate, weight_decay, dropout : float
        The last is the share of channels that are silenced.
    batch_size : int
        Trials of a step.
    """

    learning_rate: float
    weight_decay: float
    dropout: float
    batch_size: int


@dataclass(frozen=True)
class Batch:
    """Trials (n, n_units, n_bins), their classes, and what each counts for: padding nothing."""

    points: Any
    codes: Any
    weights: Any

    @classmethod
    def of(cls, points: npt.NDArray[Any], codes: npt.NDArray[Any], size: int) -> Batch:
        """Pad trials to a multiple of `size`, so that nearly as many need no new machine code."""
        more = -len(points) % size
        weights = np.pad(np.ones(len(points), np.float32), (0, more))
        padded = np.pad(points.astype(np.float32), ((0, more), (0, 0), (0, 0)))
        return cls(padded, np.pad(codes.astype(np.int32), (0, more)), weights)


jax.tree_util.register_dataclass(Batch, ["points", "codes", "weights"], [])


def initialise(seed: Seed, shape: Shape) -> Weights:
    """Draw weights of variance one by what they sum over; biases are zero."""
    weights = {}
    for index, (name, size) in enumerate(shape.sizes().items()):
        scale = 0.0 if name.endswith("bias") or name == "times" else np.prod(size[:-1]) ** -0.5
        drawn = stream(seed, index).standard_normal(size)
        weights[name] = np.asarray(scale * drawn, dtype=np.float32)
    return weights


def logits(
    weights: Weights, points: Any, shape: Shape, dropout: float = 0.0, key: Any = None
) -> Any:
    """Return the score of each class, shape (n, n_classes).

    Parameters
    ----------
    weights : dict
        Those of :meth:`Shape.sizes`.
    points : array of float32, shape (n, n_units, n_bins)
    shape : Shape
    dropout : float
        Share of channels that are silenced, while learning.
    key : jax key, optional
        Of what is silenced; without one, nothing is.
    """
    keys = (
        [None] * (shape.n_blocks + 1) if key is None else jax.random.split(key, shape.n_blocks + 1)
    )
    found = jnp.einsum("nut,uh->nth", points, weights["mixture"]) + weights["times"]
    for block in range(shape.n_blocks):
        filtered = _windows(_standard(found), weights[f"filter_{block}"].shape[0])
        filtered = filtered @ weights[f"filter_{block}"].reshape(-1, shape.n_hidden)
        active = jax.nn.gelu(filtered + weights[f"filter_{block}_bias"])
        found = found + _drop(active, dropout, keys[block])
    found = _standard(found)
    attention = jax.nn.softmax(found @ weights["heads"], axis=1)
    gathered = jnp.einsum("ntk,nth->nkh", attention, found).reshape(len(points), -1)
    related = jax.nn.gelu(gathered @ weights["gathered"] + weights["gathered_bias"])
    return _drop(related, dropout, keys[-1]) @ weights["output"] + weights["output_bias"]


def _windows(values: Any, width: int) -> Any:
    """Lay the bins around each side by side, (n, n_bins, width * n_hidden); beyond are zeros.

    A product with these is a convolution, which is compiled and run far sooner on processors.
    """
    before = (width - 1) // 2
    padded = jnp.pad(values, ((0, 0), (before, width - 1 - before), (0, 0)))
    n_bins = values.shape[1]
    return jnp.concatenate([padded[:, at : at + n_bins] for at in range(width)], axis=-1)


def _standard(values: Any) -> Any:
    """Give the channels of each bin zero mean and unit variance."""
    centred = values - values.mean(axis=-1, keepdims=True)
    return centred * jax.lax.rsqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-5)


def _drop(values: Any, share: float, key: Any) -> Any:
    if key is None or not share:
        return values
    kept = jax.random.bernoulli(key, 1 - share, values.shape)
    return jnp.where(kept, values / (1 - share), 0.0)


def _loss(
    weights: Weights, batch: Batch, shape: Shape, dropout: float = 0.0, key: Any = None
) -> Any:
    """Return the mean cross-entropy over trials."""
    scores = logits(weights, batch.points, shape, dropout, key)
    each = optax.softmax_cross_entropy_with_integer_labels(scores, batch.codes)
    return (each * batch.weights).sum() / jnp.maximum(batch.weights.sum(), 1.0)


def _optimiser(rates: Rates) -> Any:
    step = optax.adamw(rates.learning_rate, weight_decay=rates.weight_decay)
    return optax.chain(optax.clip_by_global_norm(1.0), step)


@partial(jax.jit, static_argnames=("shape", "rates"))
def _epoch(
    state: Any, order: Any, seed: int, taught: Batch, held: Batch, shape: Shape, rates: Rates
) -> Any:
    """See every trial once, in batches; return the new state and the loss of held-out trials."""
    optimiser = _optimiser(rates)

    def step(carried: Any, drawn: Any) -> Any:
        weights, momenta = carried
        rows, number = drawn
        batch = jax.tree.map(lambda array: array[rows], taught)
        key = jax.random.fold_in(jax.random.key(seed), number)
        slope = jax.grad(_loss)(weights, batch, shape, rates.dropout, key)
        change, momenta = optimiser.update(slope, momenta, weights)
        return (optax.apply_updates(weights, change), momenta), None

    state, _ = jax.lax.scan(step, state, (order, jnp.arange(len(order))))
    return state, _loss(state[0], held, shape)


def train(
    taught: Batch,
    held: Batch,
    shape: Shape,
    rates: Rates,
    *,
    max_epochs: int,
    patience: int,
    seed: Seed,
) -> tuple[Weights, list[float]]:
    """Learn until held-out trials have been told no better for as many epochs as one is patient.

    Returns
    -------
    weights : dict
        The best of all epochs.
    losses : list of float
        Cross-entropy of the held-out trials after each, in nats.
    """
    entropy = root(seed)
    weights = initialise(child(entropy, 0), shape)
    state, best, losses = (weights, _optimiser(rates).init(weights)), weights, [np.inf]
    for epoch in range(max_epochs):
        random = stream(entropy, epoch + 1)
        order = random.permutation(len(taught.codes)).reshape(-1, rates.batch_size)
        dropping = int(random.integers(2**31))
        state, loss = _epoch(state, order, dropping, taught, held, shape, rates)
        if float(loss) < min(losses):
            best = state[0]
        losses.append(float(loss))
        if len(losses) - int(np.argmin(losses)) > patience:
            break
    return {name: np.asarray(value) for name, value in best.items()}, losses[1:]


@partial(jax.jit, static_argnames=("shape",))
def _probabilities(weights: Weights, points: Any, shape: Shape) -> Any:
    return jax.nn.softmax(logits(weights, points, shape), axis=1)


def probabilities(
    weights: Weights, points: npt.NDArray[Any], shape: Shape, size: int = 256
) -> npt.NDArray[np.float32]:
    """Return the probability of each class in each trial, `size` trials at a time."""
    found = np.empty((len(points), shape.n_classes), dtype=np.float32)
    for first in range(0, len(points), size):
        some = points[first : first + size].astype(np.float32)
        padded = np.pad(some, ((0, size - len(some)), (0, 0), (0, 0)))
        found[first : first + size] = _probabilities(weights, padded, shape)[: len(some)]
    return found
