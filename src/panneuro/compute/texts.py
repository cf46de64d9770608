"""What runs executed, kept in the lake: the texts of their code, and their environments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from panneuro.compute.packages import everything, reached
from panneuro.compute.step import Step
from panneuro.core.digests import canonical_json, digest_json
from panneuro.core.errors import ObjectExistsError, ObjectNotFoundError
from panneuro.core.store import Store

CODE, ENVIRONMENTS = "runs/code", "runs/environments"
"""Where the texts and the packages of runs lie, by digest."""


def keep_texts(store: Store, step: Step) -> None:
    """Put a step's code and environment into the lake, where a repetition finds them."""
    code, packages = step.code, reached(step.code.imports)
    _put_once(store, code_key(code.digest), lambda: {"sources": code.sources})
    key = environment_key(digest_json(packages))
    _put_once(store, key, lambda: {"reached": packages, **everything()})


def code_key(digest: str) -> str:
    """Return where the texts of a code lie in the lake."""
    return f"{CODE}/{digest.partition(':')[2]}.json"


def environment_key(digest: str) -> str:
    """Return where it is told what an environment was in full, the first time it was met."""
    return f"{ENVIRONMENTS}/{digest.partition(':')[2]}.json"


def _put_once(store: Store, key: str, said: Callable[[], Mapping[str, Any]]) -> None:
    try:
        store.info(key)
    except ObjectNotFoundError:
        with suppress(ObjectExistsError):
            store.put(key, canonical_json(said()), create=True)
