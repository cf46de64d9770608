"""Formats that nobody can read are named, with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from panneuro.core.errors import FormatError, UnknownFormatError
from panneuro.formats.readers import read


@pytest.mark.parametrize(
    ("name", "begins", "what", "instead"),
    [
        ("rat.pl2", b"\x01\x02", "Plexon's OmniPlex", ".plx"),
        ("Rat.PL2", b"", "Plexon's OmniPlex", ".nex"),
        ("cell.smrx", b"S64\x00", "CED's Spike2", "Export As"),
        ("cell.smr", b"S64\x00", "CED's Spike2", "32-bit"),
    ],
)
def test_what_is_known_and_cannot_be_read(
    tmp_path: Path, name: str, begins: bytes, what: str, instead: str
) -> None:
    (tmp_path / name).write_bytes(begins + bytes(100))
    for path in (tmp_path, tmp_path / name):
        with pytest.raises(FormatError, match="cannot be read") as caught:
            read(path)
        assert what in caught.value.message
        assert instead in caught.value.hint


def test_a_name_alone_is_not_enough_where_the_beginning_is_known(tmp_path: Path) -> None:
    (tmp_path / "cell.smrx").write_bytes(bytes(100))
    with pytest.raises(UnknownFormatError, match="no reader recognises it"):
        read(tmp_path)
