"""Places in an object store (s3://, memory://, any fsspec URL), used like a pathlib.Path.

What is different from a disk: there are no folders and no renames; one object is written whole or
not at all, and takes tens of milliseconds, so many are asked for at once. Listings are never
cached, since other machines write, too.

Why not universal-pathlib's UPath, which is nearly this (0.3.10, tried on an S3 server): what it was
writing when the process was interrupted is left in place as if whole; `mkdir` below a bucket that
is not there creates the bucket; and failures stay those of each store's own library, where here
they are one line. Listing, reading and writing are fsspec's, under both.
"""

import fnmatch
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from configs import FsrvosError, MissingError, UsageError

_TIMES = ("LastModified", "last_modified", "mtime", "updated", "created")
_EXTRAS = {"s3": "s3", "s3a": "s3"}


class ObjectStoreError(FsrvosError, OSError):
    """An object store cannot be reached, or refuses."""


class FileFacts(NamedTuple):
    """Of a file or an object: its bytes, and when it was written, in seconds since the epoch (0
    where the store does not say)."""

    nbytes: int
    written: float

    @classmethod
    def of(cls, stat: os.stat_result) -> "FileFacts":
        """Those of a file."""
        return cls(stat.st_size, stat.st_mtime)


@dataclass(frozen=True)
class ObjectStat:
    """st_size: bytes. st_mtime: seconds since the epoch, 0 where the store does not say."""

    st_size: int
    st_mtime: float


class ObjectPath:
    """An object, or what begins with its name and a slash.

    Every method raises FileNotFoundError for an object that is not there, MissingError for a
    bucket, credentials or a package that is not there, ObjectStoreError when the store cannot be
    reached or refuses.
    """

    def __init__(self, url: str) -> None:
        """url: without a slash at its end."""
        self.url = url

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ObjectPath) and other.url == self.url

    def __hash__(self) -> int:
        return hash(self.url)

    def __repr__(self) -> str:
        return f"ObjectPath({self.url!r})"

    def __str__(self) -> str:
        return self.url

    def __truediv__(self, name: str) -> "ObjectPath":
        return ObjectPath(f"{self.url}/{name}") if name else self

    def absolute(self) -> "ObjectPath":
        """The place itself: a URL is never relative."""
        return self

    @property
    def name(self) -> str:
        """What follows the last slash."""
        return self.url.rsplit("/", 1)[-1]

    @property
    def parent(self) -> "ObjectPath":
        """What comes before the last slash."""
        return ObjectPath(self.url.rsplit("/", 1)[0])

    def read_bytes(self) -> bytes:
        """The whole object."""
        with self._reached() as (files, path):
            return bytes(files.cat_file(path))

    def write_bytes(self, data: bytes) -> None:
        """Put an object in place, whole or not at all."""
        with self._reached() as (files, path):
            files.pipe_file(path, data)

    def touch(self) -> None:
        """Write an empty object, for its time."""
        self.write_bytes(b"")

    def mkdir(self, parents: bool = True, exist_ok: bool = True) -> None:
        """Nothing: there are no folders."""

    def is_symlink(self) -> bool:
        """False: there are none."""
        return False

    @contextmanager
    def open(self, mode: str = "rb") -> Iterator[Any]:
        """The object opened for reading, a block ahead at a time."""
        with self._reached() as (files, path), files.open(path, mode) as file:
            yield file

    def stat(self) -> ObjectStat:
        """Size and time of an object."""
        with self._reached() as (files, path):
            facts = files.info(path)
        if facts["type"] != "file":
            raise FileNotFoundError(self.url)
        return ObjectStat(int(facts["size"]), _time(facts))

    def is_file(self) -> bool:
        """Whether there is an object of this name."""
        try:
            self.stat()
        except FileNotFoundError:
            return False
        return True

    def is_dir(self) -> bool:
        """Whether anything lies below."""
        return next(self.iterdir(), None) is not None

    def exists(self) -> bool:
        """Whether there is an object of this name or below it."""
        return self.is_file() or self.is_dir()

    def iterdir(self) -> Iterator["ObjectPath"]:
        """What lies directly below; nothing when nothing does."""
        try:
            with self._reached() as (files, path):
                names = files.ls(path, detail=False)
        except (FileNotFoundError, NotADirectoryError):
            return
        for name in sorted({str(name).rstrip("/").rsplit("/", 1)[-1] for name in names}):
            if name and name != self.name:
                yield self / name

    def glob(self, pattern: str) -> Iterator["ObjectPath"]:
        """What lies below and is named like `pattern`, which may be "*/name", too."""
        pattern, _, rest = pattern.partition("/")
        for path in self.iterdir():
            if fnmatch.fnmatchcase(path.name, pattern):
                yield from path.glob(rest) if rest else (path,)

    def below(self) -> dict[str, FileFacts]:
        """Every object below, by its name from here on."""
        with self._reached() as (files, path):
            found = files.find(path, detail=True)
        return {
            name[len(path) :].lstrip("/"): FileFacts(int(facts["size"]), _time(facts))
            for name, facts in found.items()
            if name != path
        }

    def upload(self, folder: Path) -> None:
        """Put every file below a folder under the same name below this place."""
        names = [
            path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
        ]
        with self._reached() as (files, path):
            files.put([str(folder / name) for name in names], [f"{path}/{name}" for name in names])

    def download(self, target: Path) -> None:
        """Copy an object to a new file."""
        with self._reached() as (files, path):
            files.get_file(path, str(target))

    def unlink(self, missing_ok: bool = False) -> None:
        """Remove an object."""
        try:
            with self._reached() as (files, path):
                files.rm_file(path)
        except FileNotFoundError:
            if not missing_ok:
                raise

    def remove(self) -> None:
        """Remove every object below; nothing when there is none."""
        try:
            with self._reached() as (files, path):
                files.rm(path, recursive=True)
        except FileNotFoundError:
            return

    @contextmanager
    def _reached(self) -> Iterator[tuple[Any, str]]:
        """The file system and this place's path in it; failures become one line."""
        try:
            # fsspec keeps one connection a process and makes another after a fork.
            yield open_store(self.url)
        except FsrvosError:
            raise
        except FileNotFoundError as error:
            if _code(error) == "NoSuchBucket":
                bucket = "/".join(self.url.split("/")[:3])
                raise MissingError(
                    f"no such bucket: {bucket}; create it or name another"
                ) from error
            raise
        except NotADirectoryError:
            raise
        except Exception as error:
            raise store_error(error, self.url) from error


Place = Path | ObjectPath


def listed(place: Place, pattern: str = "*") -> list[Place]:
    """What lies below a place and is named like `pattern`, sorted; nothing where nothing does."""
    found: Iterable[Path] | Iterable[ObjectPath] = place.glob(pattern)
    return sorted(found, key=str)


def open_store(url: str) -> tuple[Any, str]:
    """fsspec's file system of a URL, one connection a process, and the path in it.

    Raises MissingError (a package is missing), UsageError (no such kind of store).
    """
    import fsspec

    try:
        files, path = fsspec.core.url_to_fs(url, use_listings_cache=False)
    except ImportError as error:
        protocol = url.partition("://")[0]
        extra = _EXTRAS.get(protocol)
        remedy = f"pip install 'fsrvos[{extra}]'" if extra else str(error)
        raise MissingError(f"cannot open {url}: a package is missing; {remedy}") from error
    except ValueError as error:
        raise UsageError(f"cannot open {url}: {error}") from error
    return files, str(path).rstrip("/")


def _time(facts: Mapping[str, Any]) -> float:
    """When an object was written; 0 where the store does not say."""
    time = next((facts[name] for name in _TIMES if facts.get(name)), 0.0)
    return time.timestamp() if isinstance(time, datetime) else float(time)


def store_error(error: Exception, url: str) -> FsrvosError:
    """One line about a failure of a store; libraries of its kind raise classes of their own."""
    kind, words = type(error).__name__, " ".join(str(error).split())
    if "Credentials" in kind or "Credentials" in words:
        return MissingError(
            f"no credentials for {url}; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
            "or AWS_PROFILE"
        )
    if isinstance(error, PermissionError):
        return ObjectStoreError(
            f"permission denied: {url}: {words}; check the credentials and the bucket's policy"
        )
    return ObjectStoreError(
        f"cannot reach {url}: {words or kind}; check the address (AWS_ENDPOINT_URL) and the network"
    )


def _code(error: BaseException) -> str:
    """The store's own name of an error, where the library passes it on."""
    response = getattr(error.__cause__, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))
