from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panneuro.core.errors import DocumentError
from panneuro.documents import load_overrides, read
from panneuro.documents.sheets import parse_sheet

HEADER = ("Session", "Animal", "Sex", " Date of Birth ", "Weight (g)", "subject.Strain", "Title")
ROW = ("day-1", "m1", "F", "2024-02-01", "24.5", "C57BL/6J", "Drifting gratings")


def sheet(delimiter, *rows):
    return "\r\n".join(delimiter.join(row) for row in rows)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("before", ["", "\n \n"])
def test_a_sheet_of_sessions_as_people_keep_it(delimiter, before):
    _, [(name, values)] = parse_sheet(before + sheet(delimiter, HEADER, ROW, ("",) * 7))
    documents = read(values)
    assert name == "day-1"
    assert documents.subject.id == "m1"
    assert documents.subject.sex.label == "female"
    assert str(documents.subject.date_of_birth) == "2024-02-01"
    assert documents.subject.weight_g == 24.5
    assert documents.subject.strain.label == "C57BL/6J"
    assert documents.description.title == "Drifting gratings"


def test_what_separates_cells_may_be_told():
    assert parse_sheet("sep=|\r\nsession|sex\r\nday-1|F")[1][0][0] == "day-1"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_that_spreadsheets_write(tmp_path, encoding):
    (tmp_path / "log.csv").write_text("session,strain\nday-1,Zürich", encoding=encoding)
    values = load_overrides(tmp_path / "log.csv").for_session("day-1")
    assert read(values).subject.strain.label == "Zürich"


@pytest.mark.parametrize("cell", ["day-1", "/data/2024/day-1/", r"D:\rig\day-1", "day-0; day-1"])
def test_a_session_is_told_by_a_name_or_path(tmp_path, cell):
    (tmp_path / "log.csv").write_text(f"session,sex\n{cell},F\n")
    overrides = load_overrides(tmp_path / "log.csv")
    assert overrides.for_session(["asset", "day-1"])["subject"]["sex"]["label"] == "female"
    with pytest.raises(DocumentError, match="no row fits"):
        overrides.for_session("day-2")


def test_rows_that_say_the_same_are_one(tmp_path):
    (tmp_path / "log.csv").write_text("session,sex\nday-1,F\nday-1,female\nday-2,F\nday-2,M\n")
    overrides = load_overrides(tmp_path / "log.csv")
    assert overrides.for_session("day-1")["subject"]["sex"]["label"] == "female"
    with pytest.raises(DocumentError, match="2 rows fit"):
        overrides.for_session("day-2")


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("session,protocol\na,1", "acquisition.protocol, procedures.protocol", "call it"),
        ("session,Experimenter\na,Jane", "'Experimenter' is no field", "description.experimenters"),
        ("session,Gewicht\na,25", "'Gewicht' is no field", "extensions.LAB.gewicht"),
        ("session,Date of birth\n\na,45352", "row 3, column 'Date of birth'", "2024-05-01"),
        ("session,Date of birth\na,01.02.2024", "row 2, column", "format the column as text"),
        ("session,sex,\na,F,lost", "row 2: 'lost' is in a column with no name", ""),
        ("session,sex\na", "row 2 has 1 cells and the header 2", ""),
    ],
)
def test_what_cannot_be_meant_is_told_with_the_place(text, message, hint):
    with pytest.raises(DocumentError, match=re.escape(message)) as caught:
        parse_sheet(text)
    assert hint in caught.value.hint


@given(st.text(alphabet='session,;\t"\n a=.é()', max_size=80))
def test_any_text_is_read_or_refused_clearly(text):
    with suppress(DocumentError):
        common, sessions = parse_sheet(text)
        assert all(isinstance(values, dict) for _, values in [(None, common), *sessions])
