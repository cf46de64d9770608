from __future__ import annotations

import errno
import os
import unicodedata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panneuro.core.errors import FormatError, LimitError, NotFoundError
from panneuro.formats import source as sources
from panneuro.formats.source import Source


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no such file"):
        Source(tmp_path / "absent")


def test_files_of_a_folder_are_listed_once_and_named_within_it(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name in ("b/x.BIN", "a.bin", ".zarray", ".DS_Store", "._a.bin"):
        (tmp_path / name).write_bytes(b"1")
    source = Source(tmp_path)
    assert [source.name(path) for path in source.files] == [".zarray", "a.bin", "b/x.BIN"]
    assert [path.name for path in source.matching("*.bin")] == ["a.bin", "x.BIN"]
    assert source.matching("*.meta") == source.matching() == ()
    (tmp_path / "later.bin").touch()
    assert len(source.files) == 3


def test_a_file_is_a_source_of_itself(tmp_path: Path) -> None:
    place = tmp_path / "a.bin"
    place.write_bytes(b"12345")
    source = Source(place)
    assert (source.root, source.files, source.name(place)) == (tmp_path, (place,), "a.bin")
    assert source.head(place, 3) == b"123"


def test_names_are_in_one_form_of_unicode(tmp_path: Path) -> None:
    name = unicodedata.normalize("NFD", "souris_é.bin")
    (tmp_path / name).touch()
    (path,) = Source(tmp_path).files
    assert Source(tmp_path).name(path) == unicodedata.normalize("NFC", name)


def test_links_that_lead_out_are_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("key")
    inside = tmp_path / "session"
    inside.mkdir()
    (inside / "data.bin").touch()
    (inside / "alias.bin").symlink_to(inside / "data.bin")
    assert len(Source(inside).files) == 2
    (inside / "leak.txt").symlink_to(tmp_path / "secret")
    with pytest.raises(FormatError, match="leads out of it"):
        _ = Source(inside).files


def test_a_folder_with_too_many_files_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "MAX_FILES", 3)
    for number in range(4):
        (tmp_path / f"{number}").touch()
    with pytest.raises(LimitError, match="more than 3 files"):
        _ = Source(tmp_path).files


def test_what_lives_on_is_kept_where_it_is_small_and_all_else_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "KEPT_BYTES", 4)
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(b"1234")
    large.write_bytes(b"12345")
    source = Source(tmp_path)
    files = [
        source.file(path, kept=kept) for kept in (True, None, False) for path in (small, large)
    ]
    assert [file.kept for file in files] == [True, True, True, False, False, False]


@pytest.mark.parametrize("at", ["gone", "itself", "round"])
def test_a_link_that_leads_nowhere_is_refused(tmp_path: Path, at: str) -> None:
    (tmp_path / "data.bin").write_bytes(b"1")
    targets = {"gone": "absent", "itself": "astray", "round": "back"}
    (tmp_path / "astray").symlink_to(tmp_path / targets[at])
    (tmp_path / "back").symlink_to(tmp_path / ("astray" if at == "round" else "data.bin"))
    with pytest.raises(FormatError, match="leads nowhere"):
        _ = Source(tmp_path).files


@given(
    st.sampled_from(["*.bin", "x.*", "a/*.BIN", "c?n/*/x*", "*", "[xy].bin", "a.b", "*.raw.h5"]),
    st.lists(st.sampled_from(["x.bin", "Y.bin", "a.b", "x.raw.h5", "x[1].bin"]), min_size=1),
)
@settings(deadline=None, max_examples=40)
def test_patterns_match_as_those_of_paths_do(pattern: str, names: list[str]) -> None:
    with TemporaryDirectory() as folder:
        for place in ("", "a", "con/b"):
            Path(folder, place).mkdir(parents=True, exist_ok=True)
            for name in names:
                Path(folder, place, name).touch()
        source = Source(Path(folder))
        expected = tuple(
            path for path in source.files if Path(source.name(path).lower()).match(pattern.lower())
        )
        assert source.matching(pattern, pattern) == expected


def test_a_folder_that_cannot_be_listed_is_not_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data.bin").write_bytes(b"1")
    (tmp_path / "closed").mkdir()

    def scandir(path: str) -> Any:
        if str(path).endswith("closed"):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return listed(path)

    listed = os.scandir
    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(PermissionError, match="closed"):
        _ = Source(tmp_path).files


@pytest.mark.parametrize("alone", [True, False])
def test_what_would_be_read_for_ever_is_refused(tmp_path: Path, alone: bool) -> None:
    (tmp_path / "data.bin").write_bytes(b"1")
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(FormatError, match=r"'pipe\.csv' is a pipe or a device"):
        _ = Source(tmp_path / "pipe.csv" if alone else tmp_path).files
