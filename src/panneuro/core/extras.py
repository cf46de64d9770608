"""Optional dependencies, imported when first needed."""

from __future__ import annotations

import importlib
from types import ModuleType

from panneuro.core.errors import MissingExtraError


def need(module: str, extra: str, purpose: str) -> ModuleType:
    """Import an optional module, or say which line installs it.

    Parameters
    ----------
    module : str
        Name of the module, as in ``import``.
    extra : str
        The extra of panneuro that brings it.
    purpose : str
        What needs it, to begin the error message: "Reading video".

    Raises
    ------
    MissingExtraError
        If the module is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and module.partition(".")[0] != error.name.partition(".")[0]:
            raise
        raise MissingExtraError(extra, purpose) from error
