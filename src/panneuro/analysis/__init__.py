"""What neuroscientists compute: pure functions on signals and arrays, without paths or lakes."""

from importlib.util import find_spec

from panneuro.core.errors import MissingExtraError
from panneuro.signals import plot_tables as plot_tables
from panneuro.signals import plots as plots

for _module in ("numba", "scipy", "sklearn", "threadpoolctl"):
    if find_spec(_module) is None:
        raise MissingExtraError("analysis", "Analysis")
