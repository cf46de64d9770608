"""Compile the codec's kernels beside their source: a hook of the build, and a command.

Wheels carry the result, so that nobody who installs one needs a compiler. From source, a C compiler
is used where there is one (``CC``, ``cc``, ``gcc``, ``clang``, or the ``ziglang`` wheel); where
there is none the package is pure Python, and the same streams are read and written slowly.

    python scripts/build_kernels.py [--target x86_64-linux-gnu.2.17]
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOM = Path(__file__).resolve().parent.parent / "src/panneuro/codecs"
SUFFIXES = {"win32": ".dll", "darwin": ".dylib"}
FLAGS = ("-O3", "-fwrapv", "-fPIC", "-shared", "-s", "-std=gnu11", "-Wno-psabi")


def library(platform: str = sys.platform) -> Path:
    """Return where the compiled kernels lie."""
    return ROOM / f"kernels{SUFFIXES.get(platform, '.so')}"


def compiler() -> list[str] | None:
    """Return the command of a C compiler, or None where there is none."""
    named = os.environ.get("CC")
    if named:
        return shlex.split(named)
    found = next((path for name in ("cc", "gcc", "clang") if (path := shutil.which(name))), None)
    if found:
        return [found]
    return _zig() if find_spec("ziglang") else None


def build(target: str | None = None) -> Path | None:
    """Compile, atomically, and return the library; None where there is no compiler."""
    command = _zig() if target else compiler()
    if command is None:
        return None
    into = library(_platform(target) if target else sys.platform)
    fresh = into.with_name(f"{into.name}.{os.getpid()}")
    cross = ["-target", target] if target else []
    try:
        subprocess.run(
            [*command, *cross, *FLAGS, str(ROOM / "kernels.c"), "-o", str(fresh), "-lm"],
            check=True,
        )
        fresh.replace(into)
    finally:
        fresh.unlink(missing_ok=True)
    return into


def _platform(target: str) -> str:
    known = {"windows": "win32", "macos": "darwin"}
    return next((name for part, name in known.items() if part in target), "linux")


def _zig() -> list[str]:
    return [sys.executable, "-m", "ziglang", "cc"]


def get_build_hook() -> type[Any]:
    """Return the hook, as hatchling asks for it."""
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface

    class KernelHook(BuildHookInterface):  # type: ignore[type-arg]
        """Compiles the kernels into the wheel and marks it for this platform."""

        PLUGIN_NAME = "kernels"

        def initialize(self, version: str, build_data: dict[str, Any]) -> None:
            """Compile before the wheel is put together."""
            try:
                made = build(os.environ.get("PANNEURO_KERNEL_TARGET"))
            except (OSError, subprocess.CalledProcessError) as error:
                self.app.display_warning(f"kernels were not compiled: {error}")
                made = None
            if made and version == "standard":
                platform = os.environ.get("PANNEURO_WHEEL_PLATFORM") or sysconfig.get_platform()
                build_data["pure_python"] = False
                build_data["tag"] = f"py3-none-{platform.replace('-', '_').replace('.', '_')}"
                build_data["artifacts"].append(str(made.relative_to(self.root)))

    return KernelHook


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", help="of the ziglang wheel, to compile for another platform")
    print(build(parser.parse_args().target) or "no C compiler was found")
