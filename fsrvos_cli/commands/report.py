"""`fsrvos report`: runs -> one HTML page, a table of the paper, or what each option gives."""

from __future__ import annotations

from pathlib import Path

import click

from fsrvos_cli import once, options, places
from fsrvos_cli.output import emit


@click.command(cls=once.Command)
@click.argument("runs", type=options.ANY_PATH, nargs=-1)
@click.option("-o", "--out", type=options.FILE, help="HTML file.  [default: in the first of RUNS]")
@click.option(
    "--table",
    type=click.Choice(["1", "2", "3", "4", "options"]),
    help="Instead of the page, print this table of the paper with the runs beside it, or what the "
    "runs' options give over the first run's.",
)
@click.option(
    "--shots",
    is_flag=True,
    help="Instead of the page, print J&F by the number of support frames: every evaluation of the "
    "runs counts.",
)
@click.option(
    "--data",
    type=options.FOLDER,
    envvar="FSRVOS_DATA",
    help="Dataset that the pictures come from.  [default: where it was when it was scored]",
)
@options.json_option
def report(
    runs: tuple[Path, ...],
    out: Path | None,
    table: str | None,
    shots: bool,
    data: Path | None,
    as_json: bool,
) -> None:
    """Write one self-contained HTML page about RUNS: scores, controls, curves, overlays.

    Of a run, the newest evaluation counts; name the folder of another to have that.

    \b
    Example:
      fsrvos report work/runs/sample-demo-fold1
      fsrvos report --table 1 work/runs/*
      fsrvos report --table options work/runs/base-seed* work/runs/without-*
      fsrvos report --shots work/runs/sample-demo-fold1
    """
    found = [places.find_run(run) for run in runs] or [places.find_run(None)]
    if shots:
        from stages.report import shots_report

        emit(shots_report(runs=found), as_json)
        return
    if table == "options":
        from stages.report import option_table

        emit(option_table(runs=found), as_json)
        return
    if table is not None:
        from stages.report import paper_table

        emit(paper_table(number=int(table), runs=found), as_json)
        return
    from stages.report import write_report

    emit({"report": write_report(runs=found, out=out, data_root=data)}, as_json)
