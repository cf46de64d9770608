"""Functions that the tests call in environments of their own: nothing here knows panneuro."""

import os
import signal
import subprocess
import sys
import time


def version(name):
    """Tell the version of a package, and whether panneuro is to be had."""
    from importlib.metadata import distributions
    from importlib.util import find_spec

    found = {one.metadata["Name"]: one.version for one in distributions()}
    return {"version": found.get(name), "panneuro": find_spec("panneuro") is not None}


def use_six():
    """Call a package that only that environment has."""
    import six

    return [six.__version__, six.ensure_str(b"used")]


def echo(**given):
    """Return what was given."""
    return given


def describe(recording):
    """Tell what a series looks like from the other side."""
    data = recording["data"]
    return {
        "type": type(data).__name__,
        "sum": data.sum(axis=0),
        "rate_hz": recording["rate_hz"],
        "channels": recording["channels"],
    }


def peak(recording):
    """Read a series in blocks and tell the size of this process."""
    import resource

    total = 0
    for start in range(0, len(recording["data"]), 100_000):
        total += int(recording["data"][start : start + 100_000].sum())
    return {"total": total, "kilobytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}


def write(folder):
    """Leave a file."""
    path = folder / "made.txt"
    path.write_text("by another")
    sys.stdout.write("wrote a file\n")
    return path


def fail():
    """Raise."""
    raise ValueError("not over here")


def die():
    """Be killed."""
    os.kill(os.getpid(), signal.SIGKILL)


def give_an_object():
    """Return what cannot travel."""
    return object()


def outlive(pidfile):
    """Start a process, say which, and sleep."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    pidfile.with_suffix(".tmp").write_text(f"{os.getpid()} {child.pid}")
    pidfile.with_suffix(".tmp").rename(pidfile)
    time.sleep(600)
