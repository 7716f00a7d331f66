"""``prefixbench report``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from prefixbench.cli.app import app
from prefixbench.cli.compare import (
    AgainstOption,
    ContrastOption,
    ModelOption,
    SeedOption,
    SmallestEffectOption,
    TaskOption,
)


@app.command("report")
def report_command(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders; several stand side by side.")],
    *,
    output: Annotated[Path | None, typer.Option(help="The HTML file; in RUN by default.")] = None,
    card: Annotated[Path | None, typer.Option(help="Also the first screen as a picture (PNG).")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Also the first screen as Markdown.")] = None,
    figures: Annotated[Path | None, typer.Option(help="Also every figure as PDF, PNG and CSV, here.")] = None,
    contrast: ContrastOption = None,
    against: AgainstOption = None,
    model: ModelOption = None,
    task: TaskOption = None,
    texts: Annotated[bool, typer.Option(help="Quote items where their licence allows it.")] = True,
    metric: Annotated[str | None, typer.Option(help="Metric with per-item scores; the main score if absent.")] = None,
    smallest_effect: SmallestEffectOption = None,
    seed: SeedOption = None,
    show: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Write the HTML report of a run; of one still going, a partial one."""
    from prefixbench.analysis.compare import Selection
    from prefixbench.analysis.settings import Asked
    from prefixbench.report.command import Outputs, report_runs
    from prefixbench.spec.margins import parse_smallest_effects

    asked = Asked(parse_smallest_effects(smallest_effect or ()), seed, metric)
    selection = Selection(contrast, against, model, task)
    written = report_runs(runs, Outputs(output, card, markdown, figures), asked, selection, texts=texts)
    sys.stderr.write(f"report: {written[0]}\n")
    if show:
        typer.launch(written[0].resolve().as_uri())
