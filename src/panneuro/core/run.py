"""Run: one happening of a step, as its record in the store tells it, and the index over them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, Protocol

from panneuro.core.digests import digest_json, sealed, unsealed
from panneuro.core.errors import CorruptionError

SCHEMA = "panneuro/run/1.0"
Inputs = Mapping[str, Mapping[str, str]]
"""By slot, the version of each asset, or the digest of each file, by name."""


def run_key(
    step: str,
    *,
    code: str = "",
    environment: str = "",
    parameters: Mapping[str, Any],
    seed: int | None = None,
    takes: Mapping[str, str] | None = None,
    inputs: Inputs,
) -> str:
    """Return what names a run: the same work has the same key, wherever and whenever it is done.

    Parameters
    ----------
    step : str
        Name of the step.
    code, environment : str
        Digests of what it executes.
    parameters : mapping
        All of them, as JSON values.
    seed : int, optional
        Of its random numbers.
    takes : mapping, optional
        By slot, the signal of the input that it reads.
    inputs : mapping
        By slot, the version of each asset by name.

    Returns
    -------
    str
        64 hexadecimal digits.

    Examples
    --------
    >>> run_key("add", parameters={}, inputs={"source": {"a.bin": "sha256:00"}})[:12]
    'fb2f4223c856'
    """
    said = {
        "step": step,
        "code": code,
        "environment": environment,
        "parameters": parameters,
        "seed": seed,
        "takes": takes or {},
        "inputs": inputs,
    }
    return digest_json(said).partition(":")[2]


@dataclass(frozen=True, slots=True)
class Run:
    """What happened: a step, on what, with what, by whom, and what it used.

    Parameters
    ----------
    key : str
        See `run_key`.
    step : str
        Name of the step.
    parameters : mapping
        All of them.
    inputs : mapping
        By slot, the version of each asset, or the digest of each file, by name.
    outputs : mapping
        Version of each asset made, by name.
    status : {"done", "failed"}
        How it ended. A failed run has no outputs and never stands in the way of another attempt.
    reference : str
        Where the step is found: ``module:function`` or ``path/to/file.py:function``.
    code, environment : str
        Digests of what the step executes: its code, whose texts lie at ``runs/code``, and the
        packages that it reaches.
    installed : str
        Digest of all that was installed where it ran, panneuro itself included: told at
        ``runs/environments``.
    packages : mapping
        Versions of the distributions that the step reaches, ``python`` among them.
    seed : int, optional
        Of its random numbers.
    takes : mapping
        By slot, the signal of the input that it reads.
    tolerance : float
        How far, relative to the larger, a number may lie from the recorded one when the run is
        repeated elsewhere; 0 asks for the same bytes.
    user, host, platform, python : str
        Who, and where.
    image : str
        Of the container it ran in, as ``PANNEURO_IMAGE`` names it there: with its digest, at best.
    began, ended : str
        ISO 8601 in UTC.
    core_seconds : float
        Of processors, those of child processes included.
    gpus : int
        Which it had to itself.
    gpu_seconds : float
        Of these, whether they were busy or not: nobody else had them.
    peak_memory_bytes : int
        The largest resident size of the process while it ran.
    input_bytes, bytes_read, bytes_written : int
        Size of the inputs, and what was moved from and to the store.
    cost : str
        Money for the core-seconds and GPU-seconds, a decimal number; empty where no price is known.
    currency : str
        Of the cost.
    log : str
        The end of what the step said.
    error : mapping
        ``code``, ``message`` and ``hint`` of what ended a failed run.
    """

    key: str
    step: str
    parameters: Mapping[str, Any]
    inputs: Inputs
    outputs: Mapping[str, str] = field(default_factory=dict)
    status: Literal["done", "failed"] = "done"
    reference: str = ""
    code: str = ""
    environment: str = ""
    installed: str = ""
    packages: Mapping[str, str] = field(default_factory=dict)
    seed: int | None = None
    takes: Mapping[str, str] = field(default_factory=dict)
    tolerance: float = 0.0
    user: str = ""
    host: str = ""
    platform: str = ""
    python: str = ""
    image: str = ""
    began: str = ""
    ended: str = ""
    core_seconds: float = 0.0
    gpus: int = 0
    gpu_seconds: float = 0.0
    peak_memory_bytes: int = 0
    input_bytes: int = 0
    bytes_read: int = 0
    bytes_written: int = 0
    cost: str = ""
    currency: str = ""
    log: str = ""
    error: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_done(self) -> bool:
        """Whether it ended well."""
        return self.status == "done"

    @property
    def key_of_content(self) -> str:
        """What its key is to be: see `run_key`."""
        return run_key(
            self.step,
            code=self.code,
            environment=self.environment,
            parameters=self.parameters,
            seed=self.seed,
            takes=self.takes,
            inputs=self.inputs,
        )

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of all inputs, sorted."""
        return tuple(sorted({name for slot in self.inputs.values() for name in slot}))

    def to_json(self) -> dict[str, Any]:
        """Return the record as JSON values."""
        return {"schema": SCHEMA, **asdict(self)}

    def encode(self) -> bytes:
        """Return the JSON text, which holds its own digest."""
        return sealed(self.to_json())

    @classmethod
    def decode(cls, data: bytes | str) -> Run:
        """Read a record; what a later minor version adds is passed over.

        Raises
        ------
        CorruptionError
            If it is no record of a version that is known, or not what its digest says; the first
            records have no digest.
        """
        try:
            said = json.loads(data)
            said = unsealed(data) if "digest" in said else said
            if said["schema"].rpartition(".")[0] != SCHEMA.rpartition(".")[0]:
                raise ValueError("its schema is not known")
            run = cls(**{name: said[name] for name in _FIELDS if name in said})
            _check(run)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise CorruptionError(
                f"the record of a run cannot be read: {error!r}", hint="panneuro check"
            ) from error
        return run


_FIELDS = tuple(known.name for known in fields(Run))


def _check(run: Run) -> None:
    """Raise ValueError or AttributeError unless a record looks like itself."""
    if not (isinstance(run.key, str) and run.key and run.status in ("done", "failed")):
        raise ValueError("its key or status is none")
    for names in (*run.inputs.values(), run.outputs, run.packages):
        if not all(isinstance(text, str) for pair in names.items() for text in pair):
            raise ValueError(f"{names!r} are no versions by name")


class RunIndex(Protocol):
    """An index over the records of runs, fed from the store and rebuilt from it at will."""

    def add(self, records: Iterable[tuple[str, Run]]) -> int:
        """Note runs, each with the key of its record in the store, and return how many are new."""

    def records(self) -> set[str]:
        """Return the keys of the records that are known."""

    def record(self, record: str) -> Run | None:
        """Return the run whose record has a key, or None."""

    def get(self, key: str) -> Run | None:
        """Return the run of a key that ended well, or None."""

    def outputs(self, step: str) -> Mapping[str, Mapping[str, str]]:
        """Return the outputs of every run of a step that ended well, by the run's key."""

    def made_by(self, step: str) -> set[str]:
        """Return the names of all that a step made."""

    def latest(self, step: str) -> Mapping[str, Run]:
        """Return, by the name of each asset that a step made, the run that made it last."""

    def making(self, name: str, version: str = "") -> Sequence[Run]:
        """Return the runs that made an asset, or one version of it, the latest first."""

    def using(self, name: str, version: str = "") -> Sequence[Run]:
        """Return the runs that took an asset, or one version of it, the latest first."""

    def with_package(self, name: str, version: str = "") -> Sequence[Run]:
        """Return the runs that reached a package, or one version of it, the latest first."""

    def find(
        self, *, step: str = "", status: str = "", limit: int | None = None, offset: int = 0
    ) -> Sequence[Run]:
        """Return runs by step and status, the latest first."""

    def clear(self) -> None:
        """Forget everything."""

    def close(self) -> None:
        """Close the index. Closing twice does nothing."""
