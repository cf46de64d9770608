from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from panneuro.core import plugins
from panneuro.core.errors import FormatError, InputError, NotFoundError, UnknownFormatError
from panneuro.formats.readers import GROUP, NO, Match, choose, read
from panneuro.formats.source import Source
from panneuro.signals.recording import Recording
from panneuro.signals.timeseries import TimeSeries


class Toy:
    """A reader of ``.toy`` files, by name alone."""

    def __init__(self, score: float) -> None:
        self.score = score

    def sniff(self, source: Source) -> Match:
        return Match(self.score, "toy") if source.matching("*.toy") else NO

    def read(self, source: Source) -> Recording:
        signal = TimeSeries(f"at_{self.score}", np.zeros(3), rate_hz=1.0)
        return Recording("toy", (signal,), ())


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"weak": Toy(0.2), "strong": Toy(0.8)}
    monkeypatch.setattr(plugins, "names", lambda group: tuple(sorted(known)))
    monkeypatch.setattr(plugins, "load", lambda group, name: known[name])


@pytest.mark.usefixtures("toys")
def test_the_best_match_reads(tmp_path: Path) -> None:
    (tmp_path / "a.toy").touch()
    assert choose(Source(tmp_path)) == ("strong", Match(0.8, "toy"))
    assert read(tmp_path).signals[0].name == "at_0.8"
    assert read(tmp_path, "weak").signals[0].name == "at_0.2"


@pytest.mark.usefixtures("toys")
def test_what_no_reader_knows_lists_what_was_tried(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("nothing")
    with pytest.raises(UnknownFormatError, match=r"it holds a\.txt.*tried strong, weak") as error:
        read(tmp_path)
    assert "--format" in error.value.hint


def test_a_folder_of_several_recordings_is_seen_through(tmp_path: Path) -> None:
    folder = tmp_path / "all days"
    folder.mkdir()
    (folder / "LICENSE").write_text("as you like")
    for day in (1, 2):
        (folder / f"day-{day}.abf").write_bytes(b"ABF2")
    with pytest.raises(UnknownFormatError) as error:
        choose(Source(folder))
    assert "day-1.abf of the format abf: panneuro add '" in error.value.hint
    assert error.value.hint.endswith("all days'/*")


@pytest.mark.usefixtures("toys")
def test_files_without_a_byte_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch()
    with pytest.raises(FormatError, match=r"not one byte in it \(a\.txt\)"):
        read(tmp_path)


@pytest.mark.usefixtures("toys")
def test_an_unknown_name_lists_the_known(tmp_path: Path) -> None:
    (tmp_path / "a.toy").touch()
    with pytest.raises(InputError) as error:
        read(tmp_path, "middling")
    assert "strong, weak" in error.value.hint


def test_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="empty"):
        read(tmp_path)
    with pytest.raises(NotFoundError):
        read(tmp_path / "absent")


@pytest.mark.parametrize("name", plugins.names(GROUP))
def test_every_reader_keeps_the_contract(name: str, tmp_path: Path) -> None:
    reader = plugins.load(GROUP, name)
    (tmp_path / "notes.txt").write_text("nothing here")
    assert reader.sniff(Source(tmp_path)).score == 0
    with pytest.raises(FormatError) as error:
        reader.read(Source(tmp_path))
    assert error.value.message.startswith("reading ")


ENDINGS = [
    "bin",
    "meta",
    "dat",
    "rhd",
    "rhs",
    "ncs",
    "nse",
    "nev",
    "ns5",
    "plx",
    "smr",
    "brw",
    "raw.h5",
    "raw",
    "set",
    "rec",
    "mpx",
    "vhdr",
    "trc",
    "nex",
    "xdat.json",
    "xml",
    "tbk",
    "npy",
    "npz",
    "continuous",
    "oebin",
    "edf",
]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.sampled_from(ENDINGS), st.binary(max_size=300))
def test_sniffing_never_raises_and_reading_only_our_errors(
    tmp_path: Path, ending: str, content: bytes
) -> None:
    place = tmp_path / f"x.{ending}"
    place.write_bytes(content)
    try:
        read(place)
    except FormatError as error:
        assert error.message  # noqa: PT017 - either outcome is right
    finally:
        place.unlink()


def test_an_empty_folder_is_told_before_readers_are_asked(tmp_path: Path) -> None:
    for ask in (
        lambda: choose(Source(tmp_path)),
        lambda: read(tmp_path),
        lambda: read(tmp_path, "edf"),
    ):
        with pytest.raises(FormatError, match="the folder is empty"):
            ask()
