"""Runs the sections, shows one table of their figures, and writes bench.json."""

from __future__ import annotations

import importlib
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from cache.whole import replace_text
from configs import UsageError
from stages.benchmark import SECTIONS
from stages.benchmark.measure import mm_seconds
from stages.benchmark.setting import Setting
from stages.benchmark.targets import TARGETS
from stages.runtime.allocator import keep_freed_memory
from stages.runtime.progress import say
from stages.runtime.provenance import provenance

MODULES = "modules."  # rows named modules.<case>.<module>.<column> are shown as tables


@dataclass(frozen=True)
class BenchReport:
    """Figures by name, and what made them (versions, device, command, notes)."""

    figures: Mapping[str, float]
    made_by: Mapping[str, object]
    notes: Sequence[str] = ()

    def to_json(self) -> str:
        """One object, the figures beside what made them."""
        return json.dumps({**self.made_by, "notes": list(self.notes), **self.figures}, indent=2)

    def table(self) -> str:
        """A line a figure, with its target and whether it is met; then the tables of modules."""
        plain = {name: v for name, v in self.figures.items() if not name.startswith(MODULES)}
        rows = [("name", "figure", "target", "")]
        rows += [_row(name, figure) for name, figure in plain.items()]
        parts = [_aligned(rows), *_module_tables(self.figures), *self.notes]
        return "\n\n".join(parts)


def run_benchmark(
    *,
    names: Sequence[str],
    out: Path,
    rounds: int = 5,
    device: str = "cpu",
    command: str = "",
) -> BenchReport:
    """Measure the named sections (all, where none is named) and write `out`, whole or not at all.

    Raises UsageError for a section that does not exist; FsrvosError where `out` cannot be written
    or a section's work fails.
    """
    unknown = [name for name in names if name not in SECTIONS]
    if unknown:
        raise UsageError(f"no section '{unknown[0]}'; sections: {', '.join(SECTIONS)}")
    keep_freed_memory()
    out.parent.mkdir(parents=True, exist_ok=True)
    figures = {"mm_seconds": mm_seconds(device)}
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=out.parent) as work:
        setting = Setting(device, rounds, torch.get_num_threads(), Path(work))
        for name in [name for name in SECTIONS if name in names or not names]:
            say(f"measuring {name}")
            begun = time.monotonic()
            figures |= rows_of(name)(setting)
            say(f"measured {name} in {time.monotonic() - begun:.0f} s")
    measured = {"threads": setting.threads, "rounds": rounds}
    made_by = {**provenance(command=command, device=device), **measured}
    report = BenchReport(figures, made_by, tuple(setting.notes))
    replace_text(out, report.to_json() + "\n")
    return report


def rows_of(section: str) -> Callable[[Setting], dict[str, float]]:
    """The function that measures a section."""
    module = importlib.import_module(f"stages.benchmark.{section}_rows")
    measure: Callable[[Setting], dict[str, float]] = module.rows
    return measure


def _row(name: str, figure: float) -> tuple[str, str, str, str]:
    target = TARGETS.get(name)
    if target is None:
        return name, _short(figure), "", ""
    return name, _short(figure), str(target), "met" if target.met(figure) else "missed"


def _module_tables(figures: Mapping[str, float]) -> list[str]:
    """One table a case: a line a module, a column a measure."""
    cases: dict[str, dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for name, figure in figures.items():
        if name.startswith(MODULES):
            case, module, column = name.removeprefix(MODULES).split(".")
            cases[case][module][column] = figure
    tables = []
    for case, modules in cases.items():
        columns = list(dict.fromkeys(column for row in modules.values() for column in row))
        lines = [(case, *columns)]
        for module, row in modules.items():
            lines.append((module, *(_short(row[c]) if c in row else "" for c in columns)))
        tables.append(_aligned(lines))
    return tables


def _aligned(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _short(figure: float) -> str:
    return f"{figure:.0f}" if abs(figure) >= 1000 else f"{figure:.3g}"
