"""Steps that are programs and notebooks."""

from __future__ import annotations

import sys
from pathlib import Path

from panneuro.compute.external import notebook, program

SCRIPT = Path(__file__).with_name("external_script.py")

late = program(
    [sys.executable, str(SCRIPT), "{in}/units.csv", "--after", "{after_s}", "--to", "{out}"],
    name="late",
    takes="units",
    gives=("spikes", "count"),
    parameters={"after_s": 5.0},
)
missing = program(["no-such-program"], name="missing", takes="units", gives="x")
unfilled = program([sys.executable, "{other}"], name="unfilled", takes="units", gives="x")
counted = notebook(
    "external.ipynb", name="counted", takes="units", gives=("n", "notebook"), parameters={"k": 2}
)
