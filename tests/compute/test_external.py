from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from panneuro.compute.products import product
from panneuro.compute.running import run
from panneuro.compute.step import find_step

STEPS = Path(__file__).with_name("external_steps.py")
NAME = "ecephys_m0_2026-03-02_09-30-00"


def test_a_program_is_a_step(lake):
    ran = run(lake, f"{STEPS}:late", on="subject=m0", after_s=2.5)
    assert len(ran.done) == 1, ran.failed
    asset = lake[f"{NAME}_late"]
    times = np.asarray(lake[NAME].units.times[:])
    assert product(asset, "count") == (times > 2.5).sum()
    assert len(asset["spikes"]) == (times > 2.5).sum()
    (done,) = ran.done
    assert "spikes" in done.log
    assert done.parameters == {"after_s": 2.5}
    assert not run(lake, f"{STEPS}:late", on="subject=m0", after_s=2.5).runs


def test_its_code_is_its_line_and_its_files():
    step = find_step(f"{STEPS}:late")
    assert any("knows nothing of panneuro" in text for text in step.code.files.values())
    assert step.code.digest == find_step(f"{STEPS}:late").code.digest
    assert step.code.digest != find_step(f"{STEPS}:unfilled").code.digest


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("late", {"after_s": -1.0}, "ended with status 1"),
        ("missing", {}, "cannot be run"),
        ("unfilled", {}, "cannot be filled in"),
    ],
)
def test_programs_that_fail(lake, name, given, message):
    (failed,) = run(lake, f"{STEPS}:{name}", on="subject=m0", **given).failed
    assert message in failed.error["message"]


def test_files_are_those_beside_the_step_and_what_writes_nothing_fails(lake, tmp_path):
    (tmp_path / "counting.sh").write_text("#!/bin/sh\nwc -l < $1/units.csv > $2/$3.json\n")
    (tmp_path / "counting.sh").chmod(0o755)
    (tmp_path / "beside.py").write_text(
        "from panneuro.compute.external import program\n"
        "def made(name, *line):\n"
        "    line = [*line, '{in}', '{out}', name]\n"
        "    return program(line, name=name, takes='units', gives='lines')\n"
    )
    for name, line in {"lines": "sh", "direct": "./counting.sh"}.items():
        words = ["sh", "counting.sh"] if line == "sh" else [line]
        with (tmp_path / "beside.py").open("a") as file:
            file.write(f"{name} = made({name!r}, *{words!r})\n")
    (done,) = run(lake, f"{tmp_path}/beside.py:lines", on="subject=m0").done
    times = lake[NAME].units.times
    assert product(lake[next(iter(done.outputs))], "lines") == times.shape[0] + 1
    (failed,) = run(lake, f"{tmp_path}/beside.py:direct", on="subject=m0").failed
    assert failed.error["message"] == "step 'direct' left nothing of what it gives: lines"
    assert failed.error["hint"].endswith("lies direct.json")


def test_a_notebook_of_no_kernel_is_run_by_the_python_that_is_here(lake, tmp_path):
    nbformat = pytest.importorskip("nbformat")
    code = "open(f'{folder_out}/n.json', 'w').write(str(k))"
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    nbformat.write(book, tmp_path / "none.ipynb")
    book.metadata.kernelspec = {"name": "gone", "display_name": "Gone", "language": "python"}
    nbformat.write(book, tmp_path / "gone.ipynb")
    (tmp_path / "books.py").write_text(
        "from panneuro.compute.external import notebook\n"
        "none, gone = [\n"
        "    notebook(f'{one}.ipynb', takes='units', gives='n', parameters={'k': 4})\n"
        "    for one in ('none', 'gone')\n"
        "]\n"
    )
    for name in ("none", "gone"):
        ran = run(lake, f"{tmp_path}/books.py:{name}", on="subject=m0")
        assert not ran.failed, ran.failed
        assert product(lake[f"{NAME}_{name}"], "n") == 4


def test_a_notebook_is_a_step(lake):
    ran = run(lake, f"{STEPS}:counted", on="subject=m0", k=3)
    assert len(ran.done) == 1, ran.failed
    asset = lake[f"{NAME}_counted"]
    times = lake[NAME].units.times
    assert product(asset, "n") == 3 * times.shape[0]
    kept = product(asset, "notebook")["external.ipynb"].decode()
    assert "k = 3" in kept
    assert "start_time" not in kept
