"""``prefixbench compare``, ``gate`` and ``export``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from bench.cli.app import app

RunArgument = Annotated[Path, typer.Argument(help="A results folder.", metavar="RUN")]
ContrastOption = Annotated[str | None, typer.Option(help="CONDITION-BASELINE; any two conditions of the run.")]
SmallestEffectOption = Annotated[float, typer.Option(help="Smallest difference that matters, in points.", min=0.0)]
SeedOption = Annotated[int, typer.Option(help="Seeds resamples and sign flips.", min=0)]


@app.command("compare")
def compare_command(
    run: RunArgument,
    *,
    contrast: ContrastOption = None,
    against: Annotated[str | None, typer.Option(help="Every condition against this one.")] = None,
    model: Annotated[str | None, typer.Option(help="Only this model.")] = None,
    task: Annotated[str | None, typer.Option(help="Only this task.")] = None,
    metric: Annotated[str | None, typer.Option(help="Metric with per-item scores; the main score if absent.")] = None,
    smallest_effect: SmallestEffectOption = 0.5,
    seed: SeedOption = 42,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Every contrast with its interval, p-value and verdict."""
    from bench.analysis.compare import Selection, compare_run

    selection = Selection(contrast, against, model, task)
    sys.stdout.write(compare_run(run, selection, metric, (smallest_effect, seed), as_json=as_json))
