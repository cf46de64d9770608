"""Every error that panneuro raises on purpose.

.. code-block:: text

    PanneuroError
    ├── InputError           the caller gave something that cannot be used        usage/…
    │   └── QueryError       a search that cannot be understood                   query/…
    ├── NotFoundError        nothing has that name                                …/not-found
    │   └── ExpiredError         its data were let go of, and can be made again   asset/expired
    ├── NotAllowedError      the actor may not do that                            access/denied
    ├── FormatError          a file is not what it claims to be                   format/…
    │   └── UnknownFormatError   no reader recognises the source                  format/unknown
    ├── DocumentError        metadata is missing or wrong                         document/…
    ├── StoreError           bytes could not be read or written                   store/…
    │   ├── ObjectNotFoundError                                                   store/not-found
    │   ├── ObjectExistsError    a create-only put met an existing object         store/exists
    │   ├── StoreDeniedError     who asks may not do that to the store            store/denied
    │   └── UnsafeStoreError     the store ignores create-only puts               store/unsafe
    ├── ConflictError        somebody else committed something different          asset/conflict
    ├── CorruptionError      bytes are not what their digest says                 asset/corrupt
    ├── SourceChangedError   a source file changed while it was read              add/source-changed
    ├── LimitError           a stated bound would be passed                       limit/…
    │   └── BudgetExceededError  the money for it is spent                        limit/budget
    ├── UnobtainableError    what a result was made with is not to be had any more     reproduce/…
    └── MissingExtraError    an optional dependency is not installed              extra/missing

A message says what was being done, what was found, and what to do next. Each class has a stable
``code``, which is the anchor in the documentation and the problem type over HTTP, and an
``exit_code`` for the command line.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class PanneuroError(Exception):
    """The root of the tree.

    Parameters
    ----------
    message : str
        What was being done and what was found.
    hint : str, optional
        What to do next: ideally the line to type.
    """

    code: ClassVar[str] = "panneuro/error"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message


class InputError(PanneuroError, ValueError):
    """The caller gave an argument that cannot be used."""

    code = "usage/invalid"
    exit_code = 2


class QueryError(InputError):
    """A search cannot be understood."""

    code = "query/invalid"


class NotFoundError(PanneuroError, LookupError):
    """Nothing has that name."""

    code = "asset/not-found"
    exit_code = 3


class ExpiredError(NotFoundError):
    """The data of a version were let go of by a life-cycle rule, and can be made again."""

    code = "asset/expired"


class NotAllowedError(PanneuroError):
    """The actor may not do that."""

    code = "access/denied"
    exit_code = 4


class FormatError(PanneuroError):
    """A file is damaged or is not what it claims to be."""

    code = "format/invalid"
    exit_code = 5


class UnknownFormatError(FormatError):
    """No reader recognises the source."""

    code = "format/unknown"


class DocumentError(PanneuroError):
    """Metadata is missing or wrong."""

    code = "document/invalid"
    exit_code = 5


class StoreError(PanneuroError):
    """Bytes could not be read from or written to a store."""

    code = "store/failed"


class ObjectNotFoundError(StoreError):
    """A store holds no object under that key."""

    code = "store/not-found"
    exit_code = 3


class ObjectExistsError(StoreError):
    """A create-only put met an existing object."""

    code = "store/exists"


class StoreDeniedError(StoreError):
    """A store refuses what is asked of it: permissions, credentials, or a place to read only."""

    code = "store/denied"
    exit_code = 4


class UnsafeStoreError(StoreError):
    """A store ignores create-only puts, so commits on it could be lost."""

    code = "store/unsafe"


class ConflictError(PanneuroError):
    """Somebody else committed something different under the same name and version."""

    code = "asset/conflict"


class CorruptionError(PanneuroError):
    """Bytes are not what their digest says."""

    code = "asset/corrupt"
    exit_code = 5


class SourceChangedError(PanneuroError):
    """A source file changed while it was being read."""

    code = "add/source-changed"


class LimitError(PanneuroError):
    """A stated bound would be passed."""

    code = "limit/exceeded"
    exit_code = 7


class UnobtainableError(PanneuroError):
    """What a result was made with cannot be had any more.

    Parameters
    ----------
    message : str
        What was being done and what was found.
    missing : mapping of str to str
        What is not to be had, and why.
    hint : str, optional
        What to do next.
    """

    code = "reproduce/unobtainable"
    exit_code = 3

    def __init__(
        self, message: str, *, missing: Mapping[str, str] | None = None, hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.missing = dict(missing or {})


class BudgetExceededError(LimitError):
    """A budget of ``lake.toml`` is spent, or would be."""

    code = "limit/budget"


class MissingExtraError(PanneuroError, ImportError):
    """An optional dependency is not installed.

    Parameters
    ----------
    extra : str
        The extra that brings the dependency: the ``video`` of ``panneuro[video]``.
    purpose : str
        What needs it, as in "reading video".
    """

    code = "extra/missing"

    def __init__(self, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the optional dependency {extra!r}, which is not installed",
            hint=f'pip install "panneuro[{extra}]"',
        )
