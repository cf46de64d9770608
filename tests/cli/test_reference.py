"""The pages about the command line and its errors say what there is."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import click
import pytest

from panneuro.cli import main
from panneuro.cli.failures import EXIT_CODES, failure_of
from panneuro.cli.verbs import VERBS
from panneuro.core import errors

ROOT = Path(__file__).parents[2]
CLI = (ROOT / "docs/reference/cli.md").read_text(encoding="utf-8")
ERRORS = (ROOT / "docs/reference/errors.md").read_text(encoding="utf-8")


def all_errors(kind: type[errors.PanneuroError] = errors.PanneuroError) -> set[type]:
    return {kind, *(one for inner in kind.__subclasses__() for one in all_errors(inner))}


def test_the_page_is_what_the_script_writes():
    path = ROOT / "scripts/cli_reference.py"
    spec = importlib.util.spec_from_file_location("cli_reference", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.page() == CLI, "python scripts/cli_reference.py"


@pytest.mark.parametrize("verb", VERBS)
def test_every_command_and_option_is_documented(verb: str):
    section = re.search(rf"^## {verb}\n(.*?)(?=^## |\Z)", CLI, re.MULTILINE | re.DOTALL)[1]
    with click.Context(main) as ctx:
        command = main.get_command(ctx, verb)
    assert command.short_help == VERBS[verb]
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help
            for name in option.opts:
                assert f"`{name}`" in section


def test_every_exit_code_is_documented():
    for code, meaning in EXIT_CODES.items():
        assert f"| {code} | {meaning} |" in CLI


@pytest.mark.parametrize("kind", sorted(all_errors(), key=lambda kind: kind.__name__))
def test_every_error_is_documented_with_its_exit_code(kind: type[errors.PanneuroError]):
    assert kind.exit_code in EXIT_CODES
    assert f"### `{kind.code}`\n\nExit code {kind.exit_code}." in ERRORS


@pytest.mark.parametrize(
    "error",
    [
        click.UsageError("no"),
        click.ClickException("no"),
        KeyboardInterrupt(),
        MemoryError(),
        PermissionError(13, "Permission denied", "x"),
        FileNotFoundError(2, "No such file", "x"),
        OSError(28, "No space left on device"),
        OSError(5, "Input/output error"),
        ZeroDivisionError("unforeseen"),
    ],
    ids=repr,
)
def test_every_failure_of_the_command_is_documented(error: BaseException):
    failure = failure_of(error)
    assert f"### `{failure.code}`\n\nExit code {failure.exit_code}." in ERRORS
