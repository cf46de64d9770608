from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def writer():
    spec = importlib.util.spec_from_file_location("page", ROOT / "scripts/documents_reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_is_in_step_with_the_code(writer):
    assert writer.PAGE.read_text(encoding="utf-8") == writer.page(), (
        "run: python scripts/documents_reference.py"
    )


def test_the_atlas_table_is_written_from_a_structure_tree(tmp_path):
    spec = importlib.util.spec_from_file_location("terms", ROOT / "scripts/refresh_terms.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    tree = tmp_path / "tree.csv"
    tree.write_text(
        "id,name,acronym,parent_structure_id,graph_order\n0,void,void,,\n8,Grey,grey,997,1\n997,root,root,,0\n"
    )
    assert module.lines(tree) == ["997\troot\t\troot", "8\tgrey\t997\tGrey"]
