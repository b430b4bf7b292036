"""Names of videos by their bytes, and an index so that unchanged files are not read again.

An item is sha256 over the sha256 of each frame's file, in order. The index (SQLite, in the cache
folder) maps what the file system says of the frames (path, size, mtime, ctime, inode) to the
item. It is an aid: lost, locked or read-only, files are hashed again.
"""

import hashlib
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from cache.location import local_side
from cache.objects import Place
from configs import DataError, MissingError

# A file changed this recently may change again within one tick of the file system's clock and
# keep its time stamps: it is not indexed (git calls such files racy).
RACY_NANOSECONDS = 2_000_000_000
HASHING_THREADS = 4
LOCK_SECONDS = 10.0
_TABLES = (
    "CREATE TABLE IF NOT EXISTS items (stamp TEXT PRIMARY KEY, item TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS sources (source TEXT PRIMARY KEY, item TEXT NOT NULL)",
)


class ItemIndex:
    """The index of one cache folder."""

    def __init__(self, root: Place) -> None:
        """root: the cache; it need not exist."""
        self.path = local_side(root) / "index.sqlite"

    def items(self, videos: Mapping[str, Sequence[Path]]) -> dict[str, str]:
        """Item of each video, given the paths of its frames in order.

        Raises MissingError or DataError when a frame cannot be read.
        """
        stamps = {video: fingerprint(paths) for video, paths in videos.items()}
        query = "SELECT item FROM items WHERE stamp = ?"
        known = self._select(query, (stamp for stamp, _ in stamps.values()))
        missing = [video for video, (stamp, _) in stamps.items() if stamp not in known]
        with ThreadPoolExecutor(HASHING_THREADS) as pool:
            digests = pool.map(lambda video: item_of(videos[video]), missing)
            fresh = dict(zip(missing, digests, strict=True))
        settled = time.time_ns() - RACY_NANOSECONDS
        rows = ((*stamps[video], item) for video, item in fresh.items())
        self._insert("items", ((stamp, item) for stamp, young, item in rows if young < settled))
        return {
            video: fresh[video] if video in fresh else known[stamp]
            for video, (stamp, _) in stamps.items()
        }

    def previous(self, sources: Iterable[str]) -> dict[str, str]:
        """The item last remembered of each source folder that has one."""
        return self._select("SELECT item FROM sources WHERE source = ?", sources)

    def remember(self, items: Mapping[str, str]) -> None:
        """Note which item each source folder holds, to tell later that its frames changed."""
        self._insert("sources", items.items())

    def _select(self, query: str, names: Iterable[str]) -> dict[str, str]:
        """The answer of a one-column query to each name that has one."""
        if not self.path.exists():
            return {}
        found = {}
        try:
            uri = f"{self.path.absolute().as_uri()}?mode=ro"
            with closing(sqlite3.connect(uri, uri=True, timeout=LOCK_SECONDS)) as database:
                for name in names:
                    row = database.execute(query, (name,)).fetchone()
                    if row:
                        found[name] = row[0]
        except sqlite3.Error:
            return {}
        return found

    def _insert(self, table: str, rows: Iterable[tuple[str, str]]) -> None:
        rows = list(rows)
        if not rows:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.path, timeout=LOCK_SECONDS)) as database, database:
                for statement in _TABLES:
                    database.execute(statement)
                database.executemany(f"INSERT OR REPLACE INTO {table} VALUES (?, ?)", rows)
        except (sqlite3.Error, OSError):
            return


def item_of(paths: Sequence[Path]) -> str:
    """The item of frames, from their bytes. Raises MissingError or DataError."""
    total = hashlib.sha256()
    for path in paths:
        try:
            total.update(hashlib.sha256(path.read_bytes()).digest())
        except OSError as error:
            raise _unreadable(path, error) from error
    return total.hexdigest()


def fingerprint(paths: Sequence[Path]) -> tuple[str, int]:
    """What the file system says of files: a digest of it, and the youngest time stamp in ns."""
    total = hashlib.sha256()
    youngest = 0
    for path in paths:
        try:
            stat = path.stat()
        except OSError as error:
            raise _unreadable(path, error) from error
        # ctime shows a change that kept size and mtime, as by rsync --times or os.utime.
        facts = (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)
        total.update(repr((str(path.absolute()), *facts)).encode())
        youngest = max(youngest, stat.st_mtime_ns, stat.st_ctime_ns)
    return total.hexdigest(), youngest


def _unreadable(path: Path, error: OSError) -> MissingError | DataError:
    if isinstance(error, FileNotFoundError):
        return MissingError(f"no such frame: {path}; restore it")
    return DataError(f"cannot read a frame: {error.strerror}: {path}")
