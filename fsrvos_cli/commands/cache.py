"""`fsrvos cache`: what the feature cache holds, whether it is whole, and making room."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from configs import CacheIntegrityError, UsageError
from fsrvos_cli import once, options, places
from fsrvos_cli.output import as_size, emit

if TYPE_CHECKING:
    from cache import Place

_UNITS = {"h": "hours", "d": "days", "w": "weeks"}


class Age(click.ParamType):
    """A time span such as 12h, 30d or 4w."""

    name = "age"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """The span as a timedelta; usage error if it is none."""
        if isinstance(value, timedelta):
            return value
        match = re.fullmatch(r"(\d{1,6})([hdw])", str(value))
        if match is None:
            self.fail(f"'{value}' is no time span; give a number and h, d or w, as in 30d")
        return timedelta(**{_UNITS[match[2]]: int(match[1])})


@click.group(cls=once.Group)
def cache() -> None:
    """List, verify, prune and export the feature cache.

    A cache holds keys; a key is one way of encoding (encoder, its weights, size, storage) and
    holds videos or sentences. Where a command takes KEY, its first digits are enough.

    \b
    Example:
      fsrvos cache ls
    """


@cache.command()
@options.cache_option
@options.json_option
def ls(cache_dir: Place | None, as_json: bool) -> None:
    """List the keys of the cache and what they take.

    \b
    Example:
      fsrvos cache ls
    """
    from cache.inventory import list_info

    keys = list_info(places.cache_root(cache_dir))
    if as_json:
        emit(keys, as_json)
        return
    for key in keys:
        what = "videos" if key.kind == "features" else "sentences"
        held = f"{key.entries} {what}"
        if key.frames:
            held += f", {key.frames} frames of {as_size(key.bytes_per_frame)}"
        used = time.strftime("%Y-%m-%d %H:%M", time.localtime(key.used))
        click.echo(f"{key.digest[:12]}  {as_size(key.nbytes):>9}  {held}, used {used}")
    if not keys:
        click.echo(f"fsrvos: nothing is cached in {places.cache_root(cache_dir)}", err=True)


@cache.command()
@click.argument("key")
@options.cache_option
@options.json_option
def info(key: str, cache_dir: Place | None, as_json: bool) -> None:
    """Print everything about one key: what made it, what it holds, who uses it.

    \b
    Example:
      fsrvos cache info 3f9a
    """
    from cache import inventory

    found = inventory.info(inventory.find_key(places.cache_root(cache_dir), key))
    emit(found, as_json)


@cache.command()
@click.argument("key", default="")
@click.option("--deep", is_flag=True, help="Read every byte, not only names and lengths.")
@options.cache_option
@options.json_option
def verify(key: str, deep: bool, cache_dir: Place | None, as_json: bool) -> None:
    """Check the cache, or one KEY of it; exit 3 if anything is not what was written.

    What is damaged is encoded again by the next `fsrvos features`.

    \b
    Example:
      fsrvos cache verify --deep
    """
    from cache.verify import verify as verify_cache
    from stages.runtime.progress import track

    root = places.cache_root(cache_dir)
    report = verify_cache(root, deep=deep, prefix=key, progress=track)
    if as_json:
        emit(report, as_json)
    else:
        for fault in report.faults:
            click.echo(f"{fault.path}: {fault.fault}")
    if report.faults:
        raise CacheIntegrityError(
            f"{len(report.faults)} faults in {root}; what is damaged is encoded again by "
            f"{_makers(root, {fault.key for fault in report.faults})}"
        )
    click.echo(f"fsrvos: {report.items} videos of {report.keys} keys are whole", err=True)


def _makers(root: Place, keys: set[str]) -> str:
    """The commands that made some keys, as they are on record."""
    from cache.inventory import list_keys

    made = {str(e.provenance.get("command") or "") for e in list_keys(root) if e.digest in keys}
    return " and ".join(sorted(made - {""})) or "the command that encoded it"


@cache.command()
@click.option("--unused", is_flag=True, help="Also what no run and no dataset uses any more.")
@click.option("--older-than", type=Age(), metavar="AGE", help="Also keys not used for 30d, 12h ...")
@click.option("--dry-run", is_flag=True, help="Say what would be removed and remove nothing.")
@options.cache_option
@options.json_option
def prune(
    unused: bool,
    older_than: timedelta | None,
    dry_run: bool,
    cache_dir: Place | None,
    as_json: bool,
) -> None:
    """Remove leftovers of killed processes and damaged items; with options, more.

    \b
    Example:
      fsrvos cache prune --unused --dry-run
    """
    from cache.prune import prune as prune_cache
    from stages.runs.folder import is_run

    report = prune_cache(
        places.cache_root(cache_dir),
        unused=unused,
        is_run=is_run,
        older_than=older_than,
        dry_run=dry_run,
    )
    if as_json:
        emit(report, as_json)
        return
    for removal in report.removals:
        click.echo(f"{removal.path}: {removal.kind}, {removal.reason}, {as_size(removal.nbytes)}")
    verb = "would free" if dry_run else "freed"
    click.echo(f"fsrvos: {verb} {as_size(report.nbytes)}", err=True)


@cache.command()
@options.cache_option
@options.json_option
def path(cache_dir: Place | None, as_json: bool) -> None:
    """Print where the cache is.

    \b
    Example:
      du -sh "$(fsrvos cache path)"
    """
    root = places.cache_root(cache_dir).absolute()
    if as_json:
        emit({"path": root}, as_json)
    else:
        click.echo(root)


@cache.command()
@click.argument("key")
@click.argument("out", type=options.FILE)
@click.option(
    "--to", "form", type=click.Choice(["h5"]), default="h5", show_default=True, help="Format."
)
@click.option(
    "--text",
    "text_key",
    help="Key of the sentences to put beside the features.  [default: the only one there is]",
)
@options.cache_option
@options.json_option
def export(
    key: str, out: Path, form: str, text_key: str | None, cache_dir: Place | None, as_json: bool
) -> None:
    """Write one KEY of features, with sentences, to the single HDF5 file OUT.

    For clusters that count files; training reads it.

    \b
    Example:
      fsrvos cache export 3f9a features.h5
    """
    from cache.export import export_h5
    from cache.inventory import find_key, list_keys
    from stages.runtime.progress import track

    root = places.cache_root(cache_dir)
    features = find_key(root, key)
    if features.kind != "features":
        raise UsageError(f"key {features.digest[:12]} holds sentences; name one of features")
    texts = [entry for entry in list_keys(root) if entry.kind == "text"]
    if text_key is not None:
        texts = [find_key(root, text_key)]
    if len(texts) > 1:
        raise UsageError(f"{len(texts)} keys hold sentences; choose one with --text")
    text = texts[0].text_store() if texts else None
    nbytes = export_h5(out, features.feature_store(), text, progress=track)
    emit({"written": out, "format": form, "bytes": nbytes}, as_json)
