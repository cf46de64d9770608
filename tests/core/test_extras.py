from __future__ import annotations

import sys

import pytest

from panneuro.core.errors import MissingExtraError
from panneuro.core.extras import need


def test_what_is_there_is_imported():
    assert need("json", "json", "Reading JSON").loads("1") == 1


def test_what_is_not_there_is_told_with_the_line_that_installs_it():
    with pytest.raises(MissingExtraError, match="Reading video needs") as refused:
        need("no_such_module.inner", "video", "Reading video")
    assert refused.value.hint == 'pip install "panneuro[video]"'


def test_what_is_broken_itself_is_not_hidden(tmp_path, monkeypatch):
    (tmp_path / "halfway.py").write_text("import another_that_is_missing")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="another_that_is_missing") as broken:
        need("halfway", "video", "Reading video")
    assert not isinstance(broken.value, MissingExtraError)
    sys.modules.pop("halfway", None)
