"""What neuroscientists compute: pure functions on signals and arrays, without paths or lakes."""

from importlib.util import find_spec

from panneuro.analysis import plots as plots
from panneuro.core.errors import MissingExtraError

for _module in ("numba", "scipy", "sklearn", "threadpoolctl"):
    if find_spec(_module) is None:
        raise MissingExtraError("analysis", "Analysis")
