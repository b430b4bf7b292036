"""`fsrvos bench`: what the program costs, as ratios that other machines can be compared by."""

from __future__ import annotations

from pathlib import Path

import click

from fsrvos_cli import once, options, places
from fsrvos_cli.invocation import command_line
from fsrvos_cli.output import emit
from stages.benchmark import SECTIONS


@click.command(cls=once.Command)
@click.option(
    "--only",
    metavar="SECTION,...",
    default="",
    help=f"Measure these sections alone: {', '.join(SECTIONS)}.",
)
@click.option("--out", type=options.FILE, help="Where to write.  [default: work/bench.json]")
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    default=5,
    show_default=True,
    help="Times that each thing is run; the median counts.",
)
@options.device_option
@options.json_option
def bench(only: str, out: Path | None, rounds: int, device: str, as_json: bool) -> None:
    """Measure speed and memory, and show each figure beside its target.

    Times are in mm, one float32 2048x2048x2048 matrix product on the same threads, measured in
    the same run. Leave the machine idle meanwhile.

    \b
    Example:
      fsrvos bench --only head,train
    """
    if out is None:
        out = places.work_root() / "bench.json"
        places.taken("--out", out)
    from stages.runtime.device import choose_device

    device = choose_device(device)
    from stages.benchmark.runner import run_benchmark

    names = [name.strip() for name in only.split(",") if name.strip()]
    command = command_line(out=out, device=device, only=",".join(names))
    report = run_benchmark(names=names, out=out, rounds=rounds, device=device, command=command)
    emit(report, as_json)
