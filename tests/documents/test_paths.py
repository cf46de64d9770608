from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panneuro.core.errors import DocumentError
from panneuro.documents.paths import join_path, split_path

names = st.text(st.characters(exclude_characters='"'), max_size=8)


@given(st.lists(names, min_size=1, max_size=6))
def test_what_was_joined_is_split_again(parts):
    assert split_path(join_path("slot", *parts)) == ["slot", *parts]


@given(st.text(max_size=20))
def test_any_path_is_split_or_refused_clearly(path):
    if '"' in path:
        try:
            parts = split_path(path)
        except DocumentError:
            return
        assert parts
    else:
        assert split_path(path) == path.split(".")


@pytest.mark.parametrize("path", ['a"b', '"a', '"a"b.c', 'a."b'])
def test_quotes_surround_whole_names(path):
    with pytest.raises(DocumentError, match="quote"):
        split_path(path)
