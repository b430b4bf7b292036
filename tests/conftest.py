"""Settings of every test: nothing from the caller's environment, and no deadline."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# Variables that move data, cache and runs must not reach the tests (`make test` exports some).
for name in [name for name in os.environ if name.startswith("FSRVOS_")]:
    if name != "FSRVOS_GOLDEN":
        del os.environ[name]

# One thread a process: pytest runs several, and results do not depend on how sums are split.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

# Its assertions are to say as much as a test's own.
pytest.register_assert_rewrite("tests.stages.error_lines")

# A busy machine is no failure.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The address of an S3-compatible server on this machine, in a process of its own."""
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        said = ""
        while (found := re.search(r"http://[\d.:]+", said)) is None:
            said = server.stderr.readline()
            assert said, "the server ended"
        # Its log of requests must not fill the pipe.
        with subprocess.Popen(["cat"], stdin=server.stderr, stdout=subprocess.DEVNULL) as drain:
            yield found[0]
            server.terminate()
            drain.wait()


_forgotten: list[object] = []


def forget_connections() -> None:
    """A connection keeps the address and the credentials that it was opened with."""
    from s3fs import S3FileSystem

    # Collected while open, one would complain; all are closed when Python exits.
    _forgotten.extend(S3FileSystem._cache.values())
    S3FileSystem.clear_instance_cache()


@pytest.fixture
def reconnect() -> Iterator[Callable[[], None]]:
    """Have S3 opened anew, with what the environment says now, and again after the test."""
    yield forget_connections
    forget_connections()


@pytest.fixture
def s3(s3_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of an empty place in a bucket; credentials and address are in the environment."""
    import fsspec

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("FSRVOS_WORK", str(tmp_path / "work"))
    forget_connections()
    bucket = f"bucket-{uuid.uuid4().hex[:8]}"
    fsspec.filesystem("s3", use_listings_cache=False).mkdir(bucket)
    return f"s3://{bucket}/some/prefix"
