"""Silence while libraries warn of what is meant."""

from __future__ import annotations

from threading import Lock

QUIET = Lock()
"""Held while warnings are off, since Python turns them off for all threads at once."""
