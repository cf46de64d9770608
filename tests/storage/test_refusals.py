from __future__ import annotations

import pytest

from panneuro.core.errors import StoreDeniedError, StoreError
from panneuro.storage.refusals import refusal
from panneuro.storage.stores import open_store

SERVED = "https://lake.example/store"


@pytest.mark.parametrize(
    ("url", "error", "hint"),
    [
        ("file:///lake", PermissionError(13, "Permission denied", "/lake/a"), "owner and mode"),
        ("file:///lake", OSError(1, "Operation not permitted", "/lake/a"), "owner and mode"),
        ("file:///lake", OSError(30, "Read-only file system", "/lake/a"), "mount it for writing"),
        ("s3://bucket", ValueError("PUT …: 403 Forbidden"), "AWS_ACCESS_KEY_ID"),
        ("s3://bucket", ValueError("PUT …: 401 Unauthorized"), "AWS_ACCESS_KEY_ID"),
        (SERVED, ValueError("GET …: 401 Unauthorized"), "PANNEURO_TOKENS"),
    ],
    ids=str,
)
def test_what_is_denied_says_what_to_do(url, error, hint):
    found = refusal("write", "a", url, error)
    assert isinstance(found, StoreDeniedError)
    assert found.exit_code == 4
    assert found.message.startswith(f"cannot write 'a' at {url!r}: ")
    assert hint in found.hint


@pytest.mark.parametrize(
    "error",
    [OSError(28, "No space left on device"), OSError(5, "Input/output error"), ValueError()],
)
def test_what_fails_is_not_called_denied(error):
    assert type(refusal("write", "a", "file:///lake", error)) is StoreError


def test_a_web_server_without_ranges_is_told_from_one_with():
    error = NotImplementedError("Operation not supported: Range request not supported by a")
    assert "nginx" in refusal("read", "a", "http://127.0.0.1:8000", error).hint


def test_signatures_are_not_told():
    told = refusal("read", "a", "s3://b", ValueError("GET https://b/a?X-Amz-Signature=0123 failed"))
    assert "0123" not in str(told)


@pytest.mark.s3
def test_a_bucket_that_denies_writing(radosgw, monkeypatch):
    for name, value in radosgw.environment().items():
        monkeypatch.setenv(name, value)
    bucket = radosgw.make_bucket()
    store = open_store(f"s3://{bucket}/lake")
    store.put("a", b"1")
    radosgw.deny_writing(bucket)
    for write in (lambda: store.put("b", b"2"), lambda: store.delete("a")):
        with pytest.raises(StoreDeniedError, match="the server answers") as caught:
            write()
        assert "Traceback" not in str(caught.value)
    assert store.get("a") == b"1"
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a wrong one")
    with pytest.raises(StoreDeniedError, match="cannot read 'a'"):
        open_store(f"s3://{bucket}/lake").get("a")
