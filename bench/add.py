"""`lake.add` beside spikeinterface's ``save(format="zarr")``: ratio, and speed on the same cores.

    python -m venv ~/.cache/panneuro-peer
    ~/.cache/panneuro-peer/bin/pip install spikeinterface neo probeinterface "zarr<3"
    python bench/add.py --peer-env ~/.cache/panneuro-peer

The input is a surrogate SpikeGLX run (`recordings`), in the page cache for both. The peer gets an
environment of its own because it pins an older Zarr; it saves with its default compressor and as
many processes as ours has threads. A second line of it does what ours cannot be had without: what
was saved is read again and compared, source and stored files are hashed, by as many threads. Ours
hashes the source, chooses a coding, codes, *decodes and compares* every sample, hashes what is
stored, makes pyramids and tables, commits and indexes. Both run in fresh processes, timed from when
their libraries are imported; ours reads the headers within that time, theirs before it.

At the end it is told what each stage of ours takes by itself, one after another in one thread with
nothing beside it: what is left of the processors' seconds is what does not depend on the length,
and what threads take from one another.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from panneuro.core.digests import digest_bytes
from panneuro.formats.readers import begin
from panneuro.storage.chunks import ChunkCoder
from panneuro.storage.layout import cut
from panneuro.storage.pyramid import Pyramid
from recordings import write_spikeglx

SAID = {
    "subject": {"id": "m1", "species": "mouse"},
    "acquisition": {"session_start": "2024-05-01T09:30:00+02:00"},
    "description": {
        "title": "Surrogate",
        "institution": "None",
        "lab": "None",
        "licence": "CC0-1.0",
    },
}
TIMING = """
import json, resource, sys, time
def cpu():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)
"""
OURS = """
import os
import panneuro, panneuro.lake.adding, panneuro.lake.entries, neo.rawio, probeinterface
from panneuro.core import plugins
formats = [plugins.load("panneuro.formats", name) for name in plugins.names("panneuro.formats")]
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:jobs])
lake = panneuro.open(out, create=True)
wall, spent = time.perf_counter(), cpu()
added = lake.add(source, said=said, codecs=codecs)
wall, spent = time.perf_counter() - wall, cpu() - spent
ap = next(signal for signal in added.manifest.signals if signal["name"] == "ap")
raw, stored, how = ap["raw_bytes"], ap["stored_bytes"], ap["codec"]
"""
PEER = """
import hashlib, os, warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
warnings.simplefilter("ignore")
import numpy as np
from spikeinterface.extractors import read_spikeglx
def compared(start):
    span = {"start_frame": start, "end_frame": min(start + second, recording.get_num_samples())}
    return np.array_equal(saved.get_traces(**span), recording.get_traces(**span))
def digested(path):
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
if __name__ == "__main__":
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:jobs])
    recording = read_spikeglx(source, stream_id="imec0.ap")
    wall, spent = time.perf_counter(), cpu()
    saved = recording.save(format="zarr", folder=out, n_jobs=jobs, chunk_duration="1s",
                           progress_bar=False, verbose=False)
    if sure:
        second = int(recording.sampling_frequency)
        folders = [Path(source), *Path(out).parent.glob(Path(out).name + "*")]
        with ThreadPoolExecutor(jobs) as threads:
            starts = range(0, recording.get_num_samples(), second)
            assert all(threads.map(compared, starts))
            files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
            assert all(threads.map(digested, files))
    wall, spent = time.perf_counter() - wall, cpu() - spent
    traces = saved._root["traces_seg0"]
    raw, stored, how = traces.nbytes, traces.nbytes_stored, str(traces.compressor)
"""
ANSWER = """
    print(json.dumps({"wall": wall, "cpu": spent, "raw": raw, "stored": stored, "how": how}))
"""


def measure(python: Path, code: str, **given: Any) -> dict[str, Any]:
    """Run code in a fresh process of an interpreter, and return what it printed."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "run.py"
        known = "".join(f"{name} = {value!r}\n" for name, value in given.items())
        answer = ANSWER if "__main__" in code else ANSWER.replace("    ", "", 1)
        script.write_text(TIMING + known + code + answer)
        done = subprocess.run([python, script], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def report(name: str, found: dict[str, Any], peer: dict[str, Any]) -> None:
    ratio, other = (one["raw"] / one["stored"] for one in (found, peer))
    print(
        f"{name:26} ratio {ratio:5.2f} ({ratio / other:4.2f} ×)"
        f"   wall {found['wall']:6.1f} s ({peer['wall'] / found['wall']:4.2f} × the speed)"
        f"   CPU {found['cpu']:6.1f} s ({peer['cpu'] / found['cpu']:4.2f} ×)   {found['how']}"
    )


def stages(run: Path) -> Counter[str]:
    """Return the seconds of the processor that each stage of ours takes in one thread."""
    data, took = begin(run)["ap"].data, Counter[str]()
    (rows, width), shard = cut(data.shape, data.dtype)
    columns = range(0, data.shape[1], width)
    codecs = [{"name": "panneuro.lattice-lpc"}]
    coders = [ChunkCoder((rows, width), data.dtype, codecs) for _ in columns]
    pyramid = Pyramid(data.shape, data.dtype, shard[0])
    tile = np.empty((rows, width), data.dtype)

    def timed(stage: str, task: Any, *given: Any) -> Any:
        began = time.thread_time()
        found = task(*given)
        took[stage] += time.thread_time() - began
        return found

    for start in range(0, data.shape[0] - rows + 1, rows):
        block = timed("reading", data.__getitem__, slice(start, start + rows))
        timed("hashing", digest_bytes, np.ascontiguousarray(block))
        for column, coder in zip(columns, coders, strict=True):
            timed("bringing together", np.copyto, tile, block[:, column : column + width])
            timed("minima and maxima", pyramid.observe, start, tile, column)
            coded = timed("coding", coder.encode, tile)
            timed("decoding and comparing", coder.verify, tile, coded)
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, help="folder for the surrogate and the results")
    parser.add_argument("--peer-env", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    said = parser.parse_args()
    root = Path(tempfile.mkdtemp(dir=said.data))
    try:
        run = write_spikeglx(root, said.seconds).parent
        best = _rounds(root, run, said)
        took = stages(run)
    finally:
        shutil.rmtree(root)
    raw = best["spikeinterface"]["raw"]
    print(f"{raw:,} bytes of raw, {said.jobs} cores, fastest of {said.rounds} rounds by CPU time")
    for name, found in best.items():
        report(name, found, best["spikeinterface"])
    for stage, seconds in took.items():
        print(f"  {stage:24} {seconds:5.2f} s {raw / seconds / 1e9:6.2f} GB/s")


def _rounds(root: Path, run: Path, said: argparse.Namespace) -> dict[str, dict[str, Any]]:
    best: dict[str, dict[str, Any]] = {}
    given = {"source": str(run), "jobs": said.jobs}
    out = root / "out"
    for _ in range(said.rounds):
        peer, mine = said.peer_env.expanduser() / "bin/python", Path(sys.executable)
        wanted = {
            "spikeinterface": (peer, PEER, {"sure": False}),
            "spikeinterface, compared": (peer, PEER, {"sure": True}),
            "ours": (mine, OURS, {"said": SAID, "codecs": None}),
            "ours, lattice-lpc-fast": (mine, OURS, {"said": SAID, "codecs": ("lattice-lpc-fast",)}),
            "ours, delta-blosc": (mine, OURS, {"said": SAID, "codecs": ("delta-blosc",)}),
        }
        for name, (python, code, more) in wanted.items():
            found = measure(python, code, out=str(out), **given, **more)
            best[name] = min(found, best.get(name, found), key=lambda one: one["cpu"])
            for left in (out, out.with_suffix(".zarr")):
                shutil.rmtree(left, ignore_errors=True)
    return best


if __name__ == "__main__":
    main()
