"""``prefixbench report``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from prefixbench.cli.app import app


@app.command("report")
def report_command(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders; several are shown side by side.")],
    output: Annotated[
        Path | None, typer.Option(help="The HTML file; report.html in the run's folder by default.")
    ] = None,
    figures: Annotated[Path | None, typer.Option(help="Folder for every figure as PDF, PNG and CSV.")] = None,
    texts: Annotated[bool, typer.Option(help="Quote items where their licence allows it.")] = True,
) -> None:
    """Write the HTML report of a run; of one still going, a partial one."""
    from prefixbench.report.command import count_processes, report_runs

    path = report_runs(runs, output=output, figures=figures, texts=texts, n_processes=count_processes())
    sys.stderr.write(f"report: {path}\n")
