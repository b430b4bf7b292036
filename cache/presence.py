"""Presence: a sign in a key's folder that says, on every machine that sees it, "I am at work".

Whoever sends work elsewhere puts one up. A worker that does not find it looks at another folder
than the sender, whatever the path says, and a worker that finds it gone need not go on.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from cache.durable import explained
from cache.objects import Place
from cache.whole import temporary_name


@contextmanager
def present(folder: Place) -> Iterator[str]:
    """Put up a sign in a key's folder and give its name; taken down at the end.

    One left by a killed process is removed by prune. Raises FsrvosError where nothing can be
    written.
    """
    # Where prune looks for what dead processes leave, under the name it judges them by.
    sign = folder / "tmp" / temporary_name("sender")
    with explained("write to the cache", sign):
        sign.parent.mkdir(parents=True, exist_ok=True)
        sign.touch()
    try:
        yield sign.name
    finally:
        sign.unlink(missing_ok=True)


def is_present(folder: Place, sign: str) -> bool:
    """Whether a sign is up in a key's folder, as this machine sees it."""
    return (folder / "tmp" / sign).exists()
