"""``prefixbench compare``, ``gate`` and ``export``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from prefixbench.cli.app import EXIT_COMPLETE, EXIT_GATE, app

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
    from prefixbench.analysis.compare import Selection, compare_run

    selection = Selection(contrast, against, model, task)
    sys.stdout.write(compare_run(run, selection, metric, (smallest_effect, seed), as_json=as_json))


@app.command("gate")
def gate_command(
    run: RunArgument,
    *,
    contrast: Annotated[str, typer.Option(help="CONDITION-BASELINE; any two conditions of the run.")] = "correct-none",
    max_loss: Annotated[float, typer.Option(help="Loss in points that is still accepted.", min=0.0)] = 0.5,
    seed: SeedOption = 42,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Exit with 3 where a loss beyond the bound is shown, with 0 otherwise."""
    from prefixbench.analysis.gate import judge_run

    result = judge_run(run, contrast, max_loss, seed)
    sys.stdout.write(result.to_json() if as_json else result.render())
    raise typer.Exit(EXIT_COMPLETE if result.passed else EXIT_GATE)


@app.command("export")
def export_command(
    run: RunArgument,
    *,
    export_format: Annotated[str, typer.Option("--format", help="csv, parquet, markdown, latex or mteb.")],
    output: Annotated[Path | None, typer.Option(help="Folder; RUN/export/FORMAT if absent.")] = None,
    smallest_effect: SmallestEffectOption = 0.5,
    seed: SeedOption = 42,
) -> None:
    """Write every table, or mteb's own results layout."""
    from prefixbench.analysis.export import export_run

    for path in export_run(run, export_format, output, (smallest_effect, seed)):
        sys.stdout.write(f"{path}\n")
