from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import PathDistribution, version

from panneuro.compute import inventory
from panneuro.compute.inventory import contents


def test_another_interpreter_tells_the_same_of_itself():
    done = subprocess.run(
        [sys.executable, "-I", inventory.__file__], capture_output=True, check=True
    )
    told = json.loads(done.stdout)
    assert told == inventory.inventory()
    assert told["packages"]["numpy"]["version"] == version("numpy")
    assert "panneuro" in told["packages"]


def _installed(folder, record, name="mylab", release="1.0"):
    info = folder / f"{name}-{release}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {release}\n\nx")
    (info / "RECORD").write_text(record)
    return PathDistribution(info)


def test_only_what_a_distribution_is_counts(tmp_path):
    own = "mylab/__init__.py,sha256=aa,3\nmylab-1.0.dist-info/METADATA,sha256=bb,40\n"
    by_pip = (
        "../../../bin/mylab,sha256=cc,200\nmylab/__pycache__/__init__.cpython-312.pyc,,\n"
        f"{own}mylab-1.0.dist-info/INSTALLER,sha256=dd,4\nmylab-1.0.dist-info/RECORD,,\n"
    )
    one, other = _installed(tmp_path / "a", own), _installed(tmp_path / "b", by_pip)
    changed = _installed(tmp_path / "c", own.replace("aa", "ab"))
    assert contents(one) == contents(other) != contents(changed)
    assert contents(one).startswith("sha256:")


def test_of_two_the_first_on_the_path_counts(tmp_path, monkeypatch):
    for folder, release in (("first", "1.0"), ("second", "2.0")):
        _installed(tmp_path / folder, "", name="twice-there", release=release)
        monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / folder)])
    assert inventory.inventory()["packages"]["twice-there"]["version"] == "1.0"
