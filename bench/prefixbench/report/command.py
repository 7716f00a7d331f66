"""From run folders to a page on disk: what the command line asks for, and what a script can."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from prefixbench.analysis import analyse
from prefixbench.report.chart import write_charts
from prefixbench.report.inputs import ReportOptions
from prefixbench.report.page import build_sections, list_charts, render_page, write_report
from prefixbench.results import load_run

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_PROCESSES = 8


def report_runs(
    folders: Sequence[Path],
    *,
    output: Path | None = None,
    figures: Path | None = None,
    texts: bool = True,
    n_processes: int = 1,
) -> Path:
    """Write the report of one or more run folders.

    Args:
        folders: The runs, side by side in this order.
        output: The file; ``report.html`` in the run's folder where absent, or here for several runs.
        figures: A folder for every figure as PDF, PNG and CSV.
        texts: Whether items are quoted where their licence allows it.
        n_processes: Processes that draw.

    Returns:
        The file written.

    Raises:
        ResultsError: A folder is no run of ours.
    """
    runs = [load_run(folder) for folder in folders]
    options = ReportOptions(texts=texts, n_processes=n_processes)
    evidence, sections = build_sections(runs, [analyse(run) for run in runs], options)
    path = output or (folders[0] if len(folders) == 1 else Path()) / "report.html"
    write_report(path, render_page(evidence, sections))
    if figures is not None:
        write_charts(list_charts(sections), figures)
    return path


def count_processes() -> int:
    """How many drawing processes this machine has room for."""
    return min(os.cpu_count() or 1, MOST_PROCESSES)
