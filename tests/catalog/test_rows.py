"""Sets of rows are sets, whatever their containers."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panneuro.catalog import rows as bits
from panneuro.core.errors import CorruptionError

_unhurried = settings(deadline=None, max_examples=40)

numbers = st.sets(st.integers(0, 3 * bits.BLOCK), max_size=60)
positions = st.sets(st.integers(0, bits.BLOCK - 1), max_size=40) | st.builds(
    lambda start, step: set(range(start, bits.BLOCK, step)),
    st.integers(0, 99),
    st.integers(1, 40),
)


@_unhurried
@given(numbers, numbers)
def test_they_intersect_subtract_and_unite(one: set[int], other: set[int]) -> None:
    left, right = bits.rows_from(one), bits.rows_from(other)
    assert set(bits.numbers(bits.intersect(left, right))) == one & other
    assert set(bits.numbers(bits.subtract(left, right))) == one - other
    bits.unite(left, right)
    assert list(bits.numbers(left)) == sorted(one | other, reverse=True)
    assert bits.count(left) == len(one | other)


@_unhurried
@given(positions, positions)
def test_containers_give_back_what_they_took(one: set[int], other: set[int]) -> None:
    body = bits.pack(sorted(one))
    assert list(bits.positions(body)) == sorted(one)
    assert bits.united([(0, body)]) == bits.rows_from(one)
    several = [(0, body), (1, body), (0, bits.pack(sorted(other)))]
    assert bits.united(several) == bits.rows_from([*one, *other, *(bits.BLOCK + at for at in one)])
    assert list(bits.positions(bits.added(body, sorted(other)))) == sorted(one | other)


@_unhurried
@given(positions, st.integers(0, bits.BLOCK - 1))
def test_a_position_is_taken_out(held: set[int], position: int) -> None:
    body = bits.without(bits.pack(sorted(held)), position)
    assert list(bits.positions(body)) == sorted(held - {position})


@_unhurried
@given(positions)
def test_flags_show_each_position(held: set[int]) -> None:
    shown = bits.flags(bits.rows_from(held).get(0, 0))
    assert len(shown) == bits.BLOCK
    assert {at for at in range(bits.BLOCK) if shown[at] == 1} == held


@_unhurried
@given(st.dictionaries(st.integers(0, bits.BLOCK - 1), st.floats(allow_nan=False)))
def test_samples_give_back_what_they_took(held: dict[int, float]) -> None:
    listed, values = bits.unpack_sample(bits.pack_sample(held, held.values()))
    assert dict(zip(listed, values, strict=True)) == held


def test_a_sample_of_another_length_is_refused() -> None:
    with pytest.raises(CorruptionError, match="11 bytes"):
        bits.unpack_sample(bytes(11))


@pytest.mark.parametrize("size", [1, 3, 2_050, 8_191, 8_193])
def test_a_container_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(CorruptionError, match=f"{size} bytes"):
        bits.united([(0, bytes(size))])
