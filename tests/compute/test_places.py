"""Steps run the same on a folder and on a real S3 server, here and in other processes."""

from __future__ import annotations

import pytest

import panneuro
from panneuro.compute.running import run


def outputs(lake):
    return {
        entry.name: (entry.version, [file.digest for file in lake[entry.name].files])
        for entry in lake.find("kind=derived")
    }


@pytest.mark.s3
def test_a_bucket_is_as_good_as_a_folder(request, monkeypatch, make_lake, folder_lake, steps):
    server = request.getfixturevalue("radosgw")
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    remote = make_lake(f"s3://{server.make_bucket()}/lake", 3)
    ran = run(remote, f"{steps}:rates", on="has:units", executor="processes", workers=1)
    assert len(ran.done) == 3
    (average,) = run(remote, f"{steps}:average", on="has:rates").done
    assert average.bytes_read > 0
    run(folder_lake, f"{steps}:rates", on="has:units")
    run(folder_lake, f"{steps}:average", on="has:rates")
    assert outputs(panneuro.open(remote.store.url)) == outputs(folder_lake)
