from __future__ import annotations

import io
import stat
import struct
import zipfile
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from panneuro.compute.archives import pack, unpack
from panneuro.core.errors import FormatError, LimitError

paths = st.from_regex(r"[a-z]{1,6}(/[a-z]{1,6}){0,2}\.x", fullmatch=True)


def packed(files, **how):
    sink = io.BytesIO()
    pack(sink, files, **how)
    return sink.getvalue()


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.dictionaries(paths, st.binary(max_size=99)), compress=st.booleans())
def test_what_is_packed_is_unpacked_and_always_the_same(tmp_path_factory, files, compress):
    folder = tmp_path_factory.mktemp("zip")
    data = packed(files, compress=compress)
    backwards = dict(reversed(files.items()))
    assert packed(backwards, compress=compress) == data
    assert sorted(unpack(io.BytesIO(data), folder)) == sorted(files)
    found = {one: (folder / one).read_bytes() for one in files}
    assert found == files


def test_content_comes_from_files_and_streams_too(tmp_path):
    (tmp_path / "source").write_bytes(b"abc" * 1_000_000)
    blocks = (b"abc" for _ in range(1_000_000))
    content = tmp_path / "source"
    assert packed({"x": content}) == packed({"x": blocks}) == packed({"x": b"abc" * 1_000_000})


def hostile(name, data=b"x", *, link=False):
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for one in [name] if isinstance(name, str) else name:
            about = zipfile.ZipInfo(one)
            about.create_system = 3
            about.external_attr = ((stat.S_IFLNK if link else stat.S_IFREG) | 0o777) << 16
            archive.writestr(about, data)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../out.txt", "leads elsewhere"),
        ("/etc/out.txt", "leads elsewhere"),
        ("a/../../out.txt", "leads elsewhere"),
        ("a\\out.txt", "leads elsewhere"),
        ("a/\u202eout.txt", "leads elsewhere"),
        (("a.txt", "A.txt"), "twice"),
        (("a", "a/b"), "is a file and a folder"),
        (("a", "a/b/c"), "is a file and a folder"),
    ],
)
def test_names_that_lead_elsewhere_are_refused(tmp_path, name, message):
    inside = tmp_path / "in"
    inside.mkdir()
    with pytest.raises(FormatError, match=message):
        unpack(io.BytesIO(hostile(name)), inside)
    assert list(tmp_path.rglob("*")) == [inside]


def test_links_are_refused(tmp_path):
    with pytest.raises(FormatError, match="leads elsewhere"):
        unpack(io.BytesIO(hostile("passwd", b"/etc/passwd", link=True)), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_bombs_are_refused(tmp_path):
    bomb = packed({f"{number}.x": bytes(10 << 20) for number in range(10)}, compress=True)
    assert len(bomb) < 1 << 20
    with pytest.raises(LimitError, match="says that it becomes 10 files of 104,857,600 bytes"):
        unpack(io.BytesIO(bomb), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_archive_that_lies_about_sizes_is_refused(tmp_path):
    data = bytearray(packed({"a.x": b"honest"}, compress=True))
    at = data.rindex(b"PK\x01\x02") + 24
    data[at : at + 4] = struct.pack("<I", 3)
    with pytest.raises(FormatError, match="cannot be read"):
        unpack(io.BytesIO(bytes(data)), tmp_path)


@pytest.mark.parametrize("cut", [0, 10, 40, 120])
def test_what_is_damaged_is_told(tmp_path, cut):
    path = tmp_path / "cut.zip"
    path.write_bytes(packed({"a.x": b"one" * 9, "b.x": b"two"})[:cut])
    with pytest.raises(FormatError, match=r"'.*cut\.zip' cannot be read"):
        unpack(path, tmp_path / "in")


def test_changed_bytes_are_found(tmp_path):
    data = packed({"a.x": b"spikes"}).replace(b"spikes", b"spoken")
    with pytest.raises(FormatError, match="CRC"):
        unpack(io.BytesIO(data), tmp_path)


@pytest.mark.parametrize("packed", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_what_is_packed_and_damaged_is_told(tmp_path, packed):
    source, content = tmp_path / "packed.zip", bytes(range(256)) * 40
    with zipfile.ZipFile(source, "w", packed) as archive:
        archive.writestr("a", content)
    whole = source.read_bytes()
    for at in range(31, 31 + 60, 3):
        source.write_bytes(whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :])
        folder = tmp_path / f"out-{at}"
        with suppress(FormatError):
            unpack(source, folder)
            assert (folder / "a").read_bytes() == content
