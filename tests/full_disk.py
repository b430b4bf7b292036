"""A disk that is full, by the system's own limit on the size of files."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from cache.whole import UnwritableError


@contextmanager
def files_up_to(nbytes: int) -> Iterator[None]:
    """Writing beyond `nbytes` in any file fails, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (nbytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def refusal(write: Callable[[], object], nbytes: int) -> str:
    """What the UnwritableError says that `write` ends with under such a limit."""
    with files_up_to(nbytes), pytest.raises(UnwritableError) as caught:
        write()
    return str(caught.value)
