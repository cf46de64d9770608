"""The page about the interface says what there is."""

from __future__ import annotations

import importlib.util
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_is_what_the_script_writes():
    path = ROOT / "scripts/http_reference.py"
    spec = importlib.util.spec_from_file_location("http_reference", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    written = (ROOT / "docs/reference/http.md").read_text(encoding="utf-8")
    assert script.page() == written, "python scripts/http_reference.py"
