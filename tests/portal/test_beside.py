"""Processes beside the server: heard, and ended where they say nothing for too long."""

from __future__ import annotations

import signal

from panneuro.portal.beside import Beside


def test_one_that_says_nothing_is_ended():
    ended = []
    # It reads what it is given to the end, which never comes.
    beside = Beside(
        "json.tool", {}, note=ended.append, hear=ended.append, conclude=ended.append, quiet_s=0.2
    )
    beside.wait()
    assert ended == [-signal.SIGKILL]
