"""Where on this machine what can be made again is kept."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def user_cache() -> Path:
    """Return panneuro's folder in the user's cache; it may not exist yet.

    ``XDG_CACHE_HOME`` moves it.
    """
    root = os.environ.get("XDG_CACHE_HOME") or (
        "~/Library/Caches" if sys.platform == "darwin" else "~/.cache"
    )
    return Path(root).expanduser() / "panneuro"
