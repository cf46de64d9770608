"""What a view holds, as parts and editions."""

from __future__ import annotations

import uuid

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panneuro.core.edition import Edition
from panneuro.core.errors import ObjectExistsError
from panneuro.storage.stores import open_store
from panneuro.views.editions import FAILED, GONE, MADE, Editions, Made, stacked

CHANGES = st.lists(
    st.dictionaries(
        st.sampled_from("abcdefgh"),
        st.one_of(st.none(), st.tuples(st.sampled_from("12345"), st.integers(0, 3))),
        min_size=1,
    ),
    max_size=12,
)


def made_of(changes):
    """Return what a view made: by name a version and a number of rows, None for what is gone."""
    told = [
        (name, change[0] if change else "", MADE if change else GONE, "")
        for name, change in changes.items()
    ]
    rows = [
        pd.DataFrame({"asset": name, "version": change[0], "row": range(change[1])})
        for name, change in changes.items()
        if change
    ]
    return Made.of(told, rows)


def editions():
    return Editions(open_store(f"memory://{uuid.uuid4()}"), "mine")


@settings(max_examples=20)
@given(CHANGES)
def test_the_newest_edition_is_what_a_dictionary_would_hold(history):
    kept, edition, truth, past = editions(), Edition(0, {}), {}, []
    for number, changes in enumerate(history, 1):
        edition = kept.put(Edition(number, {}, edition.parts), made_of(changes))
        truth = {k: v for k, v in {**truth, **changes}.items() if v is not None}
        past.append((edition, truth))
    for one, held in past:
        told, rows = kept.told(one), kept.rows(one)
        assert dict(zip(told["asset"], told["version"], strict=True)) == {
            name: version for name, (version, _) in held.items()
        }
        assert rows.groupby("asset").size().to_dict() == {
            name: count for name, (_, count) in held.items() if count
        }
        assert all(
            held[name][0] == v for name, v in zip(rows["asset"], rows["version"], strict=True)
        )


def test_parts_stay_few_and_what_is_large_is_not_written_again():
    kept = editions()
    edition = kept.put(Edition(1, {}), made_of({f"a{n}": ("1", 1) for n in range(400)}))
    base = edition.parts[0]
    for number in range(2, 66):
        edition = kept.put(Edition(number, {}, edition.parts), made_of({f"b{number}": ("1", 1)}))
        assert edition.parts[0] == base
        assert len(edition.parts) <= 7
    assert len(kept.rows(edition)) == 464
    assert [one.number for one in kept.all()] == [*range(1, 66)]


def test_of_two_editions_of_one_number_the_second_is_told():
    kept = editions()
    first = kept.put(Edition(1, {}), made_of({"a": ("1", 1)}))
    with pytest.raises(ObjectExistsError):
        kept.put(Edition(1, {}), made_of({"b": ("1", 1)}))
    assert kept.newest() == first


def test_an_edition_is_read_as_it_was_written():
    kept = editions()
    edition = kept.put(Edition(1, {"code": "0a"}, (), "2026-01-01", "key", {MADE: 1}), made_of({}))
    assert kept.newest() == edition


def test_columns_of_all_parts_are_there():
    one, other = (
        pd.DataFrame({"asset": ["a"], "x": [1]}),
        pd.DataFrame({"asset": ["b"], "y": ["t"]}),
    )
    both = stacked([one, other])
    assert list(both.columns) == ["asset", "x", "y"]
    assert both["x"].tolist()[0] == 1
    assert stacked([]).empty


def test_what_failed_is_told_and_has_no_rows():
    kept = editions()
    edition = kept.put(Edition(1, {}), Made.of([("a", "1", FAILED, "no good")]))
    assert kept.told(edition)["error"].tolist() == ["no good"]
    assert kept.rows(edition).empty
