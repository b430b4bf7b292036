"""Failures of the cache in one line."""

import errno
import os
from pathlib import Path

import pytest

from cache.durable import explained
from configs import FsrvosError


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "no space left on device: /c/x; free some (fsrvos cache prune)"),
        (errno.EDQUOT, "no space left on device: /c/x; free some"),
        (errno.EACCES, "permission denied: /c/x; make it writable or choose another"),
        (errno.EFBIG, "no space left on device: /c/x; free some"),
        (errno.EROFS, "read-only file system: /c/x; make it writable or choose another"),
    ],
)
def test_os_errors_say_what_where_and_what_to_do(number: int, words: str) -> None:
    with pytest.raises(FsrvosError) as caught, explained("write to the cache", Path("/c")):
        raise OSError(number, os.strerror(number), "/c/x")
    assert words in str(caught.value) and "\n" not in str(caught.value)
    assert "FSRVOS_CACHE" in str(caught.value)
