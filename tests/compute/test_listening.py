from __future__ import annotations

import logging
import sys
from threading import Thread

import click
import pytest

from panneuro.compute.listening import Listener


def test_what_is_said_is_heard_and_passed_on(capsys):
    with Listener() as listener:
        sys.stdout.write("printed\n")
        sys.stderr.write("complained\n")
        logging.getLogger("step").warning("logged %s", 1)
    assert listener.text == "printed\ncomplained\nWARNING step: logged 1\n"
    assert capsys.readouterr().out == "printed\n"


def test_only_the_end_is_kept():
    with Listener() as listener:
        for number in range(5000):
            logging.getLogger("step").warning("line %d of many", number)
    assert len(listener.text) <= 20_000
    assert listener.text.endswith("line 4999 of many\n")


def test_other_threads_are_not_heard():
    with Listener() as listener:
        thread = Thread(target=logging.getLogger("step").warning, args=("elsewhere",))
        thread.start()
        thread.join()
    assert listener.text == ""


def test_a_traceback_is_kept():
    listener = Listener()
    try:
        raise ValueError("why")
    except ValueError as error:
        listener.note_traceback(error)
    assert listener.text.endswith("ValueError: why\n")


def test_those_who_look_whether_a_stream_takes_bytes_are_told_no():
    """As click does before it tells of progress, from another thread."""
    with Listener() as listener:
        with pytest.raises(TypeError, match="not bytes"):
            sys.stderr.write(b"")
        thread = Thread(target=click.echo, args=("half is done",), kwargs={"err": True})
        thread.start()
        thread.join()
    assert listener.text == "half is done\n"
