from __future__ import annotations

import json
import os
import shlex
import shutil
from pathlib import Path

import pandas as pd
import pytest

import panneuro
from panneuro.cli.coding import LARGE_BYTES, MOST, coding_table

from .conftest import FLAGS, write_nwb


@pytest.fixture
def place(tmp_path: Path) -> str:
    return str(tmp_path / "lake")


def rows(result) -> list[dict]:
    return json.loads(result.stdout)["added"]


def test_adding_makes_the_lake_and_says_how_it_reads(run, recording: Path, place: str):
    result = run("add", recording, "--lake", place, *FLAGS)
    assert result.exit_code == 0, result.output
    assert f"made a new lake at {place}" in result.stderr
    assert "read as nwb: " in result.stderr
    assert "should: description.experimenters" in result.stderr
    name = next(iter(panneuro.open(place)))
    assert f"next: panneuro show {name} --lake {place}" in result.stderr
    header, row = result.stdout.splitlines()
    assert header.split()[:3] == ["name", "version", "status"]
    assert row.startswith(name)
    assert "USD" in row
    assert str(recording) not in row


def test_adding_again_changes_nothing(run, recording: Path, filled: str):
    (row,) = rows(run("add", recording, "--json", "--lake", filled, *FLAGS))
    assert row["status"] == "there already"
    assert row["sent_bytes"] == 0
    assert row["ratio"] == pytest.approx(row["source_bytes"] / row["stored_bytes"], abs=1e-3)


def test_what_must_be_said_is_listed_whole(run, recording: Path, place: str):
    result = run("add", recording, "--lake", place)
    assert result.exit_code == 5
    assert result.stdout == ""
    for field in ("institution", "lab", "licence"):
        assert f"description.{field}" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("said", ["subject.specis=mouse", "subject=mouse", "subject.a.b.c=1"])
def test_what_is_set_and_is_no_field_is_a_wrong_line(run, recording: Path, place: str, said: str):
    result = run("add", recording, recording, "--lake", place, *FLAGS, "--set", said)
    assert result.exit_code == 2
    assert result.stderr.count("error: ") == 1
    assert not Path(place).exists()


def test_a_dry_run_foresees_what_is_refused(run, recording: Path, filled: str, tmp_path: Path):
    name = next(iter(panneuro.open(filled)))
    other = write_nwb(tmp_path / "other.nwb", seed=1)
    for dry in ((), ("--dry-run",)):
        result = run("add", other, "--name", name, *dry, "--lake", filled, *FLAGS)
        assert result.exit_code == 1
        assert "made from other files" in result.stderr
        assert "--replace" in result.stderr
    result = run("add", other, "--name", name, "--replace", "--dry-run", "--lake", filled, *FLAGS)
    assert result.exit_code == 0


def test_a_dry_run_foresees_that_two_paths_get_one_name(run, place: str, tmp_path: Path):
    for folder, seed in (("a", 1), ("b", 2)):
        (tmp_path / folder).mkdir()
        table = pd.DataFrame({"start_time": [0.0, seed], "stop_time": [0.5, seed + 0.5]})
        table.to_csv(tmp_path / folder / "trials.csv")
    said = ("--set", "acquisition.session_start=2024-05-01T10:00:00Z", "--set", "subject.id=m1",
            "--set", "subject.species=mouse", "--set", "description.title=two")  # fmt: skip
    paths = (tmp_path / "a", tmp_path / "b")
    for dry in (("--dry-run",), ()):
        result = run("add", *paths, *dry, "--json", "--lake", place, *FLAGS, *said)
        first, second = rows(result)
        assert first["status"] in ("would be added", "added")
        assert second["error"]["code"] == "asset/conflict"
        assert result.exit_code == 6


def test_a_dry_run_makes_nothing(run, recording: Path, place: str):
    result = run("add", recording, "--dry-run", "--json", "--lake", place, *FLAGS)
    (row,) = rows(result)
    assert row["status"] == "would be added"
    assert any("ap" in signal for signal in row["signals"])
    assert not Path(place).exists()
    (row,) = rows(run("add", recording, "--json", "--lake", place, *FLAGS))
    assert row["status"] == "added"
    foreseen = run("add", recording, "--dry-run", "--json", "--lake", place, *FLAGS)
    assert rows(foreseen)[0] == {**rows(foreseen)[0], "version": row["version"]}
    assert rows(foreseen)[0]["status"] == "there already"


def test_one_bad_path_stops_no_other(run, recording: Path, place: str, tmp_path: Path):
    (tmp_path / "notes.xyz").write_text("nothing to read")
    other = write_nwb(tmp_path / "other.nwb", "mouse-8", 1)
    paths = [tmp_path / "nowhere", recording, tmp_path / "notes.xyz", other]
    result = run("add", *paths, "--lake", place, *FLAGS)
    assert result.exit_code == 6
    assert result.stderr.count("error: ") == 2
    assert "run the same line again" in result.stderr
    assert [line.split()[0] == "-" for line in result.stdout.splitlines()[1:]] == [
        True,
        False,
        True,
        False,
    ]
    assert len(panneuro.open(place)) == 2
    again = run("add", *paths, "--jsonl", "--lake", place, *FLAGS)
    lines = [json.loads(line) for line in again.stdout.splitlines()]
    assert [line["status"] for line in lines] == ["failed", "there already"] * 2
    assert lines[0]["error"]["code"] == "asset/not-found"
    assert lines[2]["error"]["code"] == "format/unknown"


def test_nothing_done_is_no_part_done(run, place: str, tmp_path: Path):
    assert run("add", tmp_path / "a", tmp_path / "b", "--lake", place).exit_code == 3
    result = run("add", tmp_path / "a", "--lake", place)
    assert result.exit_code == 3
    assert "panneuro add --help" in result.stderr


def test_files_and_flags_say_things_and_flags_are_stronger(
    run, recording: Path, place: str, tmp_path: Path
):
    said = tmp_path / "said.yaml"
    said.write_text(
        "description: {institution: UW, licence: CC0, lab: Doe}\n"
        "sessions: {session.nwb: {subject.strain: C57BL/6J}, other: {subject.strain: BALB/c}}\n"
    )
    words = ["--describe", said, "--set", "description.licence=CC-BY-4.0", "--name", "first"]
    assert run("add", recording, "--lake", place, *words).exit_code == 0
    documents = panneuro.open(place)["first"].documents
    assert documents.description.licence.id == "SPDX:CC-BY-4.0"
    assert documents.subject.strain.label == "C57BL/6J"


def test_the_second_session_needs_no_typing(
    run, recording: Path, filled: str, name: str, place, tmp_path
):
    rig = tmp_path / "rig.yaml"
    assert run("describe", "--template", name, "-o", rig, "--lake", filled).exit_code == 0
    second = write_nwb(tmp_path / "second.nwb", seed=2)
    result = run("add", second, "--rig", rig, "--lake", place)
    assert result.exit_code == 0, result.output


def test_other_files_under_the_same_name(run, recording: Path, place: str, tmp_path: Path):
    run("add", recording, "--name", "one", "--lake", place, *FLAGS)
    other = write_nwb(tmp_path / "other.nwb", seed=1)
    words = [other, "--name", "one", "--lake", place, *FLAGS]
    result = run("add", *words)
    assert result.exit_code == 1
    assert "--replace" in result.stderr
    assert run("add", *words, "--replace").exit_code == 0
    assert len(panneuro.open(place).versions("one")) == 2


def test_coders(run, recording: Path, place: str):
    result = run("add", recording, "--portable", "--lake", place, *FLAGS)
    assert result.exit_code == 0
    name = next(iter(panneuro.open(place)))
    codecs = panneuro.open(place)[name].zarr["acquisition/ap/data"].metadata.to_dict()
    assert "pcodec" not in json.dumps(codecs, default=str)
    unknown = run("add", recording, "--codec", "zip", "--name", "x", "--lake", place, *FLAGS)
    assert unknown.exit_code == 2
    assert "pcodec" in unknown.stderr


def test_a_person_is_asked_for_what_is_missing(
    run, recording: Path, place: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("panneuro.cli.add.is_attended", lambda no_input: not no_input)
    refused = run("add", recording, "--no-input", "--lake", place)
    assert refused.exit_code == 5
    answers = "University of Somewhere\nDoe lab\nCC-BY-4.0\n"
    result = run("add", recording, "--lake", place, input=answers)
    assert result.exit_code == 0, result.output
    assert "description.licence: on what terms" in result.stderr
    name = next(iter(panneuro.open(place)))
    assert panneuro.open(place)[name].documents.description.lab.label == "Doe lab"


def test_a_person_is_asked_for_the_zone_of_what_was_answered(
    run, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("panneuro.cli.add.is_attended", lambda no_input: not no_input)
    pd.DataFrame({"start_time": [0.0], "stop_time": [0.5]}).to_csv(tmp_path / "trials.csv")
    said = ("--set", "subject.id=m1", "--set", "subject.species=mouse",
            "--set", "description.title=one")  # fmt: skip
    answers = "2024-05-01T10:00:00\nMars/Olympus\nEurope/Berlin\n"
    result = run("add", tmp_path / "trials.csv", "--lake", place, *FLAGS, *said, input=answers)
    assert result.exit_code == 0, result.output
    assert result.stderr.count("the zone of the rig's clock, which said '2024-05-01T10:00:00'") == 2
    assert list(panneuro.open(place)) == ["ecephys_m1_2024-05-01_08-00-00"]


ANSWERS = ("description.institution=Uni Ä", "description.lab=Doe lab", "description.licence=CC0")


def told_again(stderr: str) -> list[str]:
    """Return the flags that a person is told to end the line with."""
    lines = stderr.splitlines()
    return shlex.split(lines[lines.index("to give the same answers again, end the line with") + 1])


@pytest.mark.parametrize("given", [1, 3])
def test_answers_are_told_where_the_add_ends_badly(
    run, recording: Path, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: int
):
    monkeypatch.setattr("panneuro.cli.add.is_attended", lambda no_input: not no_input)
    run("add", recording, "--lake", place, "--name", "one", *FLAGS)
    other = write_nwb(tmp_path / "other.nwb", seed=1)
    typed = "".join(f"{one.partition('=')[2]}\n" for one in ANSWERS[:given])
    # The name is taken; or the person gives up.
    refused = run("add", other, "--lake", place, "--name", "one", input=typed)
    assert refused.exit_code == (1 if given == 3 else 130)
    flags = told_again(refused.stderr)
    assert flags == [word for one in ANSWERS[:given] for word in ("--set", one)]
    again = run("add", other, "--lake", place, "--replace", "--name", "one", *flags, input=typed)
    assert ("institution" in again.stderr, again.exit_code) == (False, 0 if given == 3 else 130)


def test_answers_to_a_dry_run_are_told(
    run, recording: Path, place: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("panneuro.cli.add.is_attended", lambda no_input: not no_input)
    typed = "".join(f"{one.partition('=')[2]}\n" for one in ANSWERS)
    tried = run("add", recording, "--lake", place, "--dry-run", input=typed)
    flags = told_again(tried.stderr)
    done = run("add", recording, "--lake", place, "--no-input", *flags)
    assert done.exit_code == 0, done.output
    assert "the same answers" not in done.stderr


def test_no_answer_interrupts(run, recording: Path, place: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("panneuro.cli.add.is_attended", lambda no_input: True)
    assert run("add", recording, "--lake", place, input="").exit_code == 130


def test_quiet_is_quiet(run, recording: Path, place: str):
    result = run("add", recording, "--quiet", "--lake", place, *FLAGS)
    assert result.exit_code == 0
    assert result.stderr == ""
    assert result.stdout


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["a", "b", "--name", "c"],
        ["a", "--codec", "pcodec", "--portable"],
        ["a", "--format", "nothing", "--lake", "memory://usage"],
    ],
    ids=str,
)
def test_lines_that_cannot_be_understood(run, words: list[str]):
    result = run("add", *words)
    assert result.exit_code in (2, 3)
    assert "Traceback" not in result.output


@pytest.mark.parametrize("value", ["subject", "subject.id", "id=7", "subject.colour=red", "=x"])
def test_settings_that_cannot_be_understood(run, recording: Path, place: str, value: str):
    result = run("add", recording, "--set", value, "--lake", place)
    assert result.exit_code in (2, 5)
    assert "Traceback" not in result.output


@pytest.mark.parametrize("more", [(), ("--format", "nwb"), ("--dry-run",)], ids=str)
def test_no_lake_is_made_for_what_is_no_recording(run, place: str, tmp_path: Path, more):
    (tmp_path / "notes.txt").write_text("years of work")
    result = run("add", tmp_path / "nothing", tmp_path / "nothing.dat", "--lake", place, *more)
    assert result.exit_code == 3
    assert "nothing'" in result.stderr
    if not more:
        assert run("add", tmp_path / "notes.txt", "--lake", place).exit_code == 5
    assert not Path(place).exists()


def test_no_lake_is_made_for_what_cannot_be_read(run, recording: Path, place: str, tmp_path: Path):
    damaged = tmp_path / "cut.nwb"
    damaged.write_bytes(recording.read_bytes()[:2000])
    result = run("add", damaged, "--lake", place, *FLAGS)
    assert result.exit_code == 5
    assert "made a new lake" not in result.stderr
    assert not Path(place).exists()
    assert run("add", damaged, recording, "--lake", place, *FLAGS).exit_code == 6
    assert len(panneuro.open(place)) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_place_that_may_not_be_written(run, recording: Path, tmp_path: Path):
    (tmp_path / "shut").mkdir(mode=0o500)
    result = run("add", recording, "--lake", tmp_path / "shut" / "lake", *FLAGS)
    assert result.exit_code == 4
    assert "Traceback" not in result.output


def test_a_truncated_recording(run, recording: Path, place: str, tmp_path: Path):
    cut = tmp_path / "cut.nwb"
    shutil.copy(recording, cut)
    os.truncate(cut, cut.stat().st_size // 2)
    result = run("add", cut, "--lake", place, *FLAGS)
    assert result.exit_code == 5
    assert "Traceback" not in result.output


@pytest.fixture
def noisy(tmp_path: Path) -> Path:
    """Return a recording that is large enough to tell of its coding."""
    return write_nwb(tmp_path / "noisy.nwb", rows=150_000)


def test_it_reports_bits_noise_floor_and_money(run, noisy: Path, place: str):
    (row,) = rows(run("add", noisy, "--json", "--lake", place, *FLAGS))
    (ap,) = (said for said in row["coding"] if said["name"] == "ap")
    assert ap["ratio"] == pytest.approx(16 / ap["bits_per_sample"], rel=0.01)
    assert ap["noise_floor_bits"] == pytest.approx(6.37, rel=0.02)
    assert ap["bits_per_sample"] == pytest.approx(
        ap["noise_floor_bits"] * (1 + ap["above_floor"]), rel=0.01
    )
    assert row["signal_ratio"] > 1
    assert row["saved_per_year"] >= 0
    shown = run("show", row["name"], "--json", "--lake", place)
    signals = {said["name"]: said for said in json.loads(shown.stdout)["signals"]}
    assert signals["ap"]["noise_floor_bits"] == ap["noise_floor_bits"]
    assert "noise_floor_bits" not in signals["units"]
    told = run("show", row["name"], "--signals", "--lake", place).stdout
    assert f"(noise floor estimated at {ap['noise_floor_bits']:.2f})" in told


def test_large_signals_have_a_line(run, noisy: Path, place: str):
    lines = run("add", noisy, "--lake", place, *FLAGS).stdout.splitlines()
    assert lines[2] == ""
    assert "bits a sample  noise floor (estimated)  above it" in lines[3]
    assert lines[4].startswith("ap ")
    assert lines[4].endswith(" %")


@pytest.mark.parametrize(
    ("header", "cell"),
    [("session", "session"), ("File", "/rig/session.nwb"), ("animal", "mouse-7")],
)
def test_a_row_of_a_spreadsheet(
    run, recording: Path, place: str, tmp_path: Path, header: str, cell: str
):
    (tmp_path / "log.csv").write_text(f"{header};Strain\n{cell};DBA/2J\nother;BALB/c\n")
    line = ("add", recording, "--describe", tmp_path / "log.csv", "--lake", place, *FLAGS)
    assert run(*line).exit_code == 0
    (name,) = panneuro.open(place)
    assert panneuro.open(place)[name].documents.subject.strain.label == "DBA/2J"


def test_a_spreadsheet_without_the_session_is_refused(
    run, recording: Path, place: str, tmp_path: Path
):
    (tmp_path / "log.csv").write_text("session,strain\nday-1,DBA/2J\n")
    for option in ("--describe", "--rig"):
        result = run("add", recording, option, tmp_path / "log.csv", "--lake", place, *FLAGS)
        assert result.exit_code == 5
        assert "no row fits; there are 'day-1'" in result.stderr


def test_the_table_of_codings_is_short():
    def coded(count: int, size: int) -> list[dict]:
        return [
            {"name": f"s{at}", "codec": "zstd", "raw_bytes": size + at % 7, "stored_bytes": 1,
             "ratio": 2.0, "bits_per_sample": 8.0}
            for at in range(count)
        ]  # fmt: skip

    lines = coding_table([{"name": "a", "coding": coded(40, LARGE_BYTES)}]).splitlines()
    assert len(lines) == 1 + MOST + 1
    assert lines[-1] == f"… and {40 - MOST} more: panneuro show NAME --signals"
    assert [line.split()[0] for line in lines[1:4]] == ["s4", "s5", "s6"]
    assert "s34" in lines[-2]
    few = coding_table([{"name": one, "coding": coded(2, LARGE_BYTES)} for one in "ab"])
    assert len(few.splitlines()) == 5
    assert coding_table([{"name": "a", "coding": coded(2, 10)}, {}]) == ""
