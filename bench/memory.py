"""Memory of `lake.add` on a recording ten times the limit that it is given.

    python bench/memory.py [--limit-mib 1024] [--data FOLDER]

A surrogate SpikeGLX run of ten times the limit is added by a fresh process whose anonymous memory
the kernel limits (``RLIMIT_DATA``: heap and private mappings; pages of mapped files are the
kernel's to take back and do not count). Its anonymous resident memory is sampled each second from
``/proc``. There is no peer: SpikeInterface and pynwb stream as well; what is shown is that ours is
flat. Needs as much disk as the recording and what is stored of it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from recordings import CHANNELS, RATE_HZ, write_spikeglx

CHILD = """
import resource, sys
resource.setrlimit(resource.RLIMIT_DATA, (int(sys.argv[3]),) * 2)
import panneuro
said = {"subject": {"id": "m1", "species": "mouse"},
        "acquisition": {"session_start": "2024-05-01T09:30:00+02:00"},
        "description": {"title": "Surrogate", "institution": "None", "lab": "None",
                        "licence": "CC0-1.0"}}
added = panneuro.open(sys.argv[2], create=True).add(sys.argv[1], said=said)
print(f"{added.manifest.stored_bytes:,} bytes stored in {len(added.manifest.files)} objects")
"""


def anonymous_bytes(pid: int) -> int:
    """Return the anonymous resident memory of a process, 0 if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    found = [line.split() for line in lines if line.startswith("RssAnon")]
    return int(found[0][1]) * 1024 if found else 0


def watch(source: Path, lake: Path, limit: int) -> tuple[list[int], str]:
    """Add a source under a limit; return a sample of memory for each second, and what was said."""
    command = [sys.executable, "-c", CHILD, str(source), str(lake), str(limit)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    samples = []
    while process.poll() is None:
        samples.append(anonymous_bytes(process.pid))
        time.sleep(1)
    said = process.stdout.read() if process.stdout else ""
    return samples, f"exit {process.returncode}: {said.strip()[-2000:]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, help="folder for the surrogate and the lake")
    parser.add_argument("--limit-mib", type=int, default=1024)
    parser.add_argument("--times", type=float, default=10, help="size of the recording in limits")
    said = parser.parse_args()
    limit = said.limit_mib << 20
    seconds = said.times * limit / (2 * (CHANNELS + 1) * RATE_HZ)
    root = Path(tempfile.mkdtemp(dir=said.data))
    try:
        source = write_spikeglx(root, seconds)
        size, began = source.stat().st_size, time.monotonic()
        # What was written must not lie in memory as somebody else's.
        os.sync()
        samples, answer = watch(source.parent, root / "lake", limit)
        took = time.monotonic() - began
    finally:
        shutil.rmtree(root)
    mib = [round(sample / 2**20) for sample in samples]
    step = max(1, len(mib) // 30)
    print(f"{size:,} bytes added under a limit of {said.limit_mib} MiB in {took:.0f} s; {answer}")
    print(f"anonymous MiB every {step} s: {' '.join(map(str, mib[::step]))}")
    tenth = max(1, len(mib) // 10)
    early, late = max(mib[tenth : 4 * tenth]), max(mib[-4 * tenth :])
    print(f"peak {max(mib)} MiB; in the second to fourth tenth {early}, in the last four {late}")


if __name__ == "__main__":
    main()
