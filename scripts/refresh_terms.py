"""Write the package's table of mouse brain structures anew from an installed `iblatlas`.

Usage: ``pip install iblatlas`` in an environment of its own, then run this script there. With a
path to an ``allen_structure_tree.csv``, that file is read instead.
"""

from __future__ import annotations

import csv
import importlib.util
import sys
from pathlib import Path

TABLE = Path(__file__).parents[1] / "src/panneuro/documents/tables/allen_ccf.tsv"
HEADER = """\
# Structures of the Allen Mouse Brain Common Coordinate Framework (CCFv3, 2017).
# Source: Allen Institute for Brain Science, structure graph 1, as distributed by iblatlas
# (MIT, copyright International Brain Laboratory; see NOTICE.md beside this file).
# id	acronym	parent id	name
"""


def source(arguments: list[str]) -> Path:
    """Return the structure tree to read: the one named, or the installed one."""
    if arguments:
        return Path(arguments[0])
    spec = importlib.util.find_spec("iblatlas")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("iblatlas is not installed; give the path of an allen_structure_tree.csv")
    return Path(spec.submodule_search_locations[0]) / "allen_structure_tree.csv"


def lines(tree: Path) -> list[str]:
    """Return the table's lines, in the order of the atlas graph."""
    with tree.open(encoding="utf-8-sig", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["id"] != "0"]
    rows.sort(key=lambda row: int(row["graph_order"]))
    return [
        "\t".join((row["id"], row["acronym"], row["parent_structure_id"], row["name"]))
        for row in rows
    ]


if __name__ == "__main__":
    table = lines(source(sys.argv[1:]))
    TABLE.write_text(HEADER + "\n".join(table) + "\n", encoding="utf-8")
    print(f"{len(table)} structures")
