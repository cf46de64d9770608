from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from panneuro.cli import completion


def completed(run, line: list[str], incomplete: str = "") -> list[str]:
    """Return what fish is offered for a line."""
    env = {
        "_PANNEURO_COMPLETE": "fish_complete",
        "COMP_WORDS": " ".join(["panneuro", *line]),
        "COMP_CWORD": incomplete,
    }
    offered = run(env=env).stdout.split("\n")
    values = [item.split(",", 1)[1] for item in offered if item.startswith("plain,")]
    return [value.split("\t")[0] for value in values]


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_scripts(run, shell: str):
    result = run("completion", shell)
    assert result.exit_code == 0
    assert "_PANNEURO_COMPLETE" in result.stdout
    assert "panneuro completion" in result.stderr


def test_verbs_and_options(run):
    assert completed(run, [], "rei") == ["reindex"]
    assert "--facet" in completed(run, ["find"], "--f")


def test_names_of_assets_and_signals(run, filled: str, name: str):
    assert completed(run, ["show", "--lake", filled], "ecep") == [name]
    assert completed(run, ["get", "--lake", filled, name], "un") == ["units"]
    assert completed(run, ["find", "--lake", filled], "species=") == ["species=Mus musculus"]


def test_fields_and_formats(run):
    assert "subject.species=" in completed(run, ["add", "--set"], "subject.s")
    assert completed(run, ["add", "--format"], "spikeg") == ["spikegadgets", "spikeglx"]


def test_nothing_is_offered_where_something_is_wrong(run, tmp_path):
    assert completed(run, ["show", "--lake", str(tmp_path / "none")], "e") == []
    assert completed(run, ["show"], "e") == []


BASH = """
eval "$(panneuro completion bash 2>/dev/null)"
compopt() { echo "compopt $1 $2"; }
COMP_LINE="$1"; COMP_POINT=${#COMP_LINE}; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_panneuro_completion panneuro
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash")
@pytest.mark.parametrize(
    ("typed", "last", "offered"),
    [
        ("reind", ["reind"], ["reindex"]),
        ("find --lake LAKE spec", ["spec"], ["compopt -o nospace", "species="]),
        ("find --lake LAKE species=", ["species", "="], [r"Mus\ musculus"]),
        ("find --lake LAKE species=Mus", ["species", "=", "Mus"], [r"Mus\ musculus"]),
        ('find --lake LAKE "species=Mus m', ['"species=Mus m'], ["species=Mus musculus"]),
        ("get --lake LAKE NAME un", ["un"], ["units"]),
        ("get --lake LAKE NAME ", [""], ["ap", "electrodes", "trials", "units"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bash_itself(filled: str, name: str, typed: str, last: list[str], offered: list[str]):
    line = f"panneuro {typed}".replace("LAKE", filled).replace("NAME", name)
    # Bash ends words at "=" too.
    before = line.removesuffix("".join(last)).split()
    assert said_by("bash", "--norc", "-c", BASH, "bash", line, *before, *last) == offered


ZSH = """
compdef() { }
_describe() { print -r -- "explained ${${(P)@[-2]}[1]}" }
compadd() { print -rl -- "compadd ${argv[1,-2]}" "${(@P)@[-1]}" }
_path_files() { print -r -- "files $*" }
eval "$(panneuro completion zsh 2>/dev/null)"
words=("$@"); CURRENT=$#
_panneuro_completion
"""


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (["reind"], ["explained reindex:Rebuild the index from the store alone."]),
        (["show", "--lake", "LAKE", "ecep"], ["compadd -U -V unsorted -a", "NAME"]),
        (["find", "--lake", "LAKE", "spec"], ["compadd -U -V begun -S  -a", "species="]),
        (
            ["find", "--lake", "LAKE", r"species=Mus\ m"],
            ["compadd -U -V unsorted -a", "species=Mus musculus"],
        ),
        (["show", "--lake", "/"], ["files -/"]),
        (["add", "/"], ["files -f"]),
    ],
    ids=str,
)
def test_zsh_itself(need, filled: str, name: str, typed: list[str], offered: list[str]):
    need("zsh", shutil.which("zsh"), "there is no zsh")
    words = [word.replace("LAKE", filled) for word in ["panneuro", *typed]]
    wanted = [line.replace("NAME", name) for line in offered]
    assert [line for line in said_by("zsh", "-f", "-c", ZSH, "zsh", *words) if line] == wanted


FISH = "panneuro completion fish 2>/dev/null | source; complete -C $argv[1]"


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("reind", ["reindex\tRebuild the index from the store alone."]),
        ("audi", ["audit\tShow who did what: grants, sign-ins, refusals, downloads."]),
        ("show --lake LAKE ecep", ["NAME"]),
        ("find --lake LAKE spec", ["species="]),
        ("find --lake LAKE species=Mus", ["species=Mus musculus"]),
        ("find --lake LAKE 'species=Mus m", ["species=Mus musculus"]),
        ("get --lake LAKE NAME un", ["units"]),
    ],
)
def test_fish_itself(need, filled: str, name: str, typed: str, offered: list[str]):
    need("fish", shutil.which("fish"), "there is no fish")
    line = f"panneuro {typed}".replace("LAKE", filled).replace("NAME", name)
    wanted = [one.replace("NAME", name) for one in offered]
    assert said_by("fish", "--no-config", "-c", FISH, "--", line) == wanted


def said_by(*command: str) -> list[str]:
    """Return the lines that a shell says which finds our command first."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()
