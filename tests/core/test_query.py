"""A query reads what people write, says it back, and refuses the rest with a useful word."""

from __future__ import annotations

import json
from datetime import date, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from panneuro.core.conditions import DEEPEST, MOST, Match, Words, fits
from panneuro.core.entry import Entry
from panneuro.core.errors import QueryError
from panneuro.core.fields import ALIASES, FIELDS
from panneuro.core.query import Query, any_of, parse
from panneuro.testing.catalog import queries

_unhurried = settings(deadline=None)


def entry(text: str = "", **fields: object) -> Entry:
    return Entry("ecephys_625463_2024", "1", "2024-06-01T12:00:00Z", "d", fields, text)


SESSION = entry(
    "Sharp-wave ripples during sleep",
    species="Mus musculus",
    area=("CA1", "HPF"),
    units=310,
    duration_s=900.5,
    size_bytes=2_500_000_000,
    date="2024-05-31T23:30:00-02:00",
    has=("lfp", "units"),
    genotype="Sst, Cre",
    **{"extensions.smith.rig": 5, "extensions.smith.name": "Left"},
)

FOUND = (
    "", "*", "ripples", "RIPPLES", "ripp*", '"sharp wave"', "sharp-wave", '"wave ripp"*', "-awake",
    "ca1", "musculus", "625463", "species=mus*", 'species="mus musculus"', "species!=rat",
    "area=ca1", "area=CA3,CA1", "area!=CA3", "-area=CA3", "units=310", "units>309", "units>=310",
    "units<311", "units<=310", "units=300..400", "units=..310", "units=310..", "units=*",
    "units!=5", "units=1,310", "duration>15min", "duration_s=15min..16min", "duration<0.5h",
    "size>2GB", "size<2.4GiB", "has:lfp", "has=lfp,video", "date=2024", "date=2024-06",
    "date=2024-06-01",
    "date>=2024-06-01", "date<2024-06-02", "date=2024-05..2024-06", "date>2024-05", "date<=2024-06",
    "date=2024-06-01T01:30", "date=2024-06-01T01:30:00Z", "created=2024-06-01", "subject!=1",
    'genotype="sst, cre"', "extensions.smith.rig=5", "extensions.smith.rig>4.5",
    "text=ripples", "extensions.smith.name=left", "name=ecephys*2024", "version=1",
    "trials!=4", "units=3.1e2", "(ripples)", "(rat | mouse | ripples)", "-(rat | lab=Smith)",
    "awake | ripples", "(lab=Smith | units>300 area=CA1) ripples", "(*)", "( rat | * )", "-(-(*))",
    "genotype!=Tg(Thy1)", "(genotype=Tg(Thy1) | ripples)", "((rat | ca1) (musculus | x))",
)  # fmt: skip

MISSED = (
    "awake", '"wave sharp"', "-ripples", "ripp", "species=mus", "species!=mus*", "area!=CA1,CA3",
    "units>310", "units<310", "units=1..9", "trials=4", "trials<4", "duration>16min", "size>3GB",
    "has:video", "date=2024-05", "date>2024-06", "date<2024-06-01", "date=2024-06-01T01:31",
    "subject=*", "extensions.smith.rig<5", "extensions.smith.none=5", "name=ecephys",
    "text!=ripples", "species=rat ripples", "extensions.smith.name>3", "(rat | awake)",
    "-(ripples)", "-(rat | ripples)", "(ca1 | ca3) awake", "-(*)", "(units>400 | ca1 awake)",
    "genotype=Tg(Thy1)",
)  # fmt: skip


@pytest.mark.parametrize("text", FOUND)
def test_what_is_meant_is_found(text: str) -> None:
    assert parse(text).matches(SESSION)


@pytest.mark.parametrize("text", MISSED)
def test_what_is_not_meant_is_not_found(text: str) -> None:
    assert not parse(text).matches(SESSION)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("unit>100", "'unit>100': no field 'unit'", "did you mean 'units'?"),
        ("tags=x", "no field 'tags'", "did you mean 'tag'?"),
        ("title=x", "no field 'title'", "words of a title are found without a field"),
        ("qqqqqq=1", "no field 'qqqqqq'", "known fields: name"),
        ("units=>5", "no operator '=>'", "did you mean '>='?"),
        ("units==5", "no operator '=='", "did you mean '='?"),
        ("units<>5", "no operator '<>'", "did you mean '!='?"),
        ("units>many", "'many' is not a number", "units>100"),
        ("units=", "a value is missing", 'field=""'),
        ("units=1,,2", "a value is missing", 'field=""'),
        ("units>1,2", "> takes one value", "any of which"),
        ("units=..", "the range has no end", "100..500"),
        ("units=9..1", "the range is empty", "did you mean 1..9?"),
        ("duration>10lightyears", "unknown unit 'lightyears'", "min"),
        ("units>10min", "unknown unit 'min'", "none"),
        ("date=yesterday", "'yesterday' is not a date", "2024-05"),
        ("date=2024-13", "'2024-13' is not a date", "2024-05"),
        ("lab>5", "'lab' is not a number or a date", "lab=…"),
        (">5", "no field stands before '>'", "field=value"),
        ("-units>5", "- goes with words and =", "did you mean 'units<=5'?"),
        ('"open', "the quote is not closed", 'add a "'),
        ("!?.", "no operator '!'", "!="),
        ("...", "no letters and no digits", ""),
        ("*lepsy", "a word can only end with *", "subject=625*a"),
        ("extensions.smith.rig>big", "'big' is not a number", "extensions.smith.rig>100"),
        ("text>5", "the search in 'text'", "text=word"),
        ("x" * 20_000, "a search of 20000 characters", ""),
        ("(a | b", "a ( is not closed", "quotes"),
        ("a | b)", "no ( stands before )", "quotes"),
        ("()", "there is nothing", "* stands for everything"),
        ("a |", "there is nothing", "* stands for everything"),
        ("(a | | b)", "there is nothing", "* stands for everything"),
        ("(" * 9 + "a" + ")" * 9, "8 deep", ""),
        ("(" * 9_999, "8 deep", ""),
    ],
)
def test_what_cannot_be_understood_is_told(text: str, message: str, hint: str) -> None:
    with pytest.raises(QueryError) as told:
        parse(text)
    assert message in told.value.message
    assert hint in told.value.hint


@pytest.mark.parametrize(
    ("given_", "written"),
    [
        ({"modality": "ecephys", "units": ">100"}, "modality=ecephys units>100"),
        ({"area": ["CA1", "CA3"]}, "area=CA1,CA3"),
        ({"area": ["a*", "b,c"]}, 'area=a*,"b,c"'),
        ({"species": "Mus musculus"}, 'species="Mus musculus"'),
        ({"species": "mouse,rat"}, "species=mouse,rat"),
        ({"species": "!=rat"}, "species!=rat"),
        ({"units": 310, "trials": 1.5}, "units=310 trials=1.5"),
        ({"units": "100..500"}, "units=100..500"),
        ({"date": date(2024, 5, 1)}, "date=2024-05-01"),
        ({"created": datetime(2024, 5, 1, 10)}, 'created="2024-05-01T10:00:00"'),  # noqa: DTZ001
        ({"extensions__smith__on": True}, "extensions.smith.on=true"),
        ({"extensions.smith.on": True}, "extensions.smith.on=true"),
        ({"duration": ">10 min"}, 'duration_s>"10 min"'),
        ({"text": "ripples"}, "ripples"),
    ],
)
def test_keywords_say_the_same_as_text(given_: dict[str, object], written: str) -> None:
    assert str(parse(**given_)) == written
    assert parse(written) == parse(**given_)


@pytest.mark.parametrize(
    "value", [None, object(), [None], [["a"]], {"a": object()}.values(), b"x", 1j]
)
def test_a_keyword_of_another_type_is_told(value: object) -> None:
    with pytest.raises(QueryError):
        parse(species=value)


@pytest.mark.parametrize(
    ("words", "written"),
    [
        (["CA1", "units>100"], "ca1 units>100"),
        (["gamma oscillation", "-sharp wave"], '"gamma oscillation" -"sharp wave"'),
        (["species=Mus musculus"], 'species="Mus musculus"'),
        (["CA1 units>100"], "ca1 units>100"),
        (["CA1 species=mouse units>100"], "ca1 species=mouse units>100"),
        ([], ""),
        (["(species=mouse | lab=Smith)"], "(species=mouse | lab=Smith)"),
        (["(", "species=mouse", "|", "CA1", ")"], "(species=mouse | ca1)"),
        (["-(species=mouse | CA1)"], "-(species=mouse | ca1)"),
        (["genotype=wt (C57)"], 'genotype="wt (C57)"'),
        (["Tg (Thy1)"], '"tg thy1"'),
    ],
)
def test_words_that_a_shell_has_cut_stay_whole(words: list[str], written: str) -> None:
    assert str(parse(words)) == written


def test_words_must_be_strings() -> None:
    with pytest.raises(QueryError):
        parse([3])


@_unhurried
@given(st.text())
@example("units>" + "9" * 5000)
@example("\ud800=\udfff")
@example("date=0000")
@example("date>9999-12-31")
@example("date=0001-01-01T00:00+23:59")
@example("extensions.a.b=1..nan")
def test_no_text_is_too_strange(text: str) -> None:
    try:
        query = parse(text)
    except QueryError:
        return
    assert parse(str(query)) == query
    query.matches(SESSION)


@_unhurried
@given(
    st.sampled_from([*FIELDS, *ALIASES, "extensions.a.b"]),
    st.sampled_from(["=", "!=", ">", ">=", "<", "<=", ":"]),
    st.text('0123456789.*,"-:TZ+eEkKmMgGbBé\ud800 \t', max_size=12),
)
def test_no_condition_is_too_strange(field: str, operator: str, value: str) -> None:
    for words in (f"{field}{operator}{value}", [f"{field}{operator}{value}"]):
        try:
            query = parse(words)
        except QueryError:
            continue
        assert parse(str(query)) == query
        query.matches(SESSION)


@_unhurried
@given(queries())
def test_a_query_says_itself(query: Query) -> None:
    assert parse(str(query)) == query
    assert Query.from_json(query.to_json()) == query
    assert hash(Query.from_json(query.to_json())) == hash(query)


@_unhurried
@given(queries(), queries())
def test_and_finds_what_both_find(one: Query, other: Query) -> None:
    both = one & other
    assert both.matches(SESSION) == (one.matches(SESSION) and other.matches(SESSION))
    assert both & one == both


@_unhurried
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists) | st.text())
def test_hostile_json_is_refused(value: object) -> None:
    for text in (json.dumps(value), str(value)):
        try:
            query = Query.from_json(text)
        except QueryError:
            continue
        assert query == Query()


@pytest.mark.parametrize(
    "value",
    [
        {"words": [1], "prefix": False, "negated": False},
        {"words": [], "prefix": False, "negated": False},
        {"field": "units", "operator": "~", "values": [["1"]]},
        {"field": "units", "operator": "=", "values": []},
        {"field": "units", "operator": "=", "values": [[]]},
        {"field": "units", "operator": "=", "values": "1"},
        {"field": "unit", "operator": "=", "values": [["1"]]},
        {},
    ],
)
def test_a_condition_that_is_none_is_refused(value: dict[str, object]) -> None:
    with pytest.raises(QueryError):
        Query.from_json(json.dumps([value]))


def test_the_words_that_rank_are_those_that_must_be_there() -> None:
    assert parse("a -b units>3").words == (Words(("a",)),)


def test_the_same_condition_twice_counts_once() -> None:
    assert parse("a a units>3 units>3") == parse("a units>3")


def test_an_alias_becomes_the_fields_own_name() -> None:
    assert Match("Duration", ">", (("5",),)).field == "duration_s"


@_unhurried
@given(st.text("ab*", max_size=6), st.text("ab", max_size=8))
def test_wildcards_stand_for_anything(pattern: str, text: str) -> None:
    import re

    expected = re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), text) is not None
    assert fits(tuple(pattern.split("*")), text) == expected


@_unhurried
@given(queries(), queries())
def test_queries_combine_as_logic_does(one: Query, other: Query) -> None:
    a, b = one.matches(SESSION), other.matches(SESSION)
    assert (one & other).matches(SESSION) == (a and b)
    assert (one | other).matches(SESSION) == (a or b)
    assert (~one).matches(SESSION) == (not a)


def test_none_of_no_alternatives_is_met() -> None:
    nothing = any_of([])
    assert not nothing.matches(SESSION)
    assert (~nothing).matches(SESSION)
    assert str(nothing) == "-(*)"
    assert parse("-(*)") == nothing == Query.from_json(nothing.to_json())


def test_only_so_deep_and_so_many() -> None:
    query = parse("ca1")
    for _ in range(DEEPEST):
        query = any_of([query])
    assert Query.from_json(query.to_json()) == query == parse(str(query))
    with pytest.raises(QueryError, match="deep"):
        any_of([query])
    with pytest.raises(QueryError, match=f"more than {MOST}"):
        any_of(parse(f"name=a{at}") for at in range(MOST + 1))
    deep = '[{"any_of": [[' * 900 + "]]}]" * 900
    with pytest.raises(QueryError):
        Query.from_json(deep)
