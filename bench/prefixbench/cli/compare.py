"""``prefixbench compare``, ``gate`` and ``export``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from prefixbench.cli.app import app

RunArgument = Annotated[Path, typer.Argument(help="A results folder.", metavar="RUN")]
ContrastOption = Annotated[str | None, typer.Option(help="CONDITION-BASELINE; any two conditions of the run.")]
AgainstOption = Annotated[str | None, typer.Option(help="Every condition against this one.")]
ModelOption = Annotated[str | None, typer.Option(help="Only this model.")]
TaskOption = Annotated[str | None, typer.Option(help="Only this task.")]
SmallestEffectOption = Annotated[
    list[str] | None,
    typer.Option(metavar="[METRIC=]POINTS", help="Smallest difference that matters; the run's own if absent."),
]
SeedOption = Annotated[int | None, typer.Option(help="Seeds resamples; the run's own if absent.", min=0)]


@app.command("compare")
def compare_command(
    run: RunArgument,
    *,
    contrast: ContrastOption = None,
    against: AgainstOption = None,
    model: ModelOption = None,
    task: TaskOption = None,
    metric: Annotated[str | None, typer.Option(help="Metric with per-item scores; the main score if absent.")] = None,
    smallest_effect: SmallestEffectOption = None,
    seed: SeedOption = None,
    everything: Annotated[bool, typer.Option("--all", help="Every contrast, and what was not compared.")] = False,
    further: Annotated[
        bool,
        typer.Option(
            "--further", help="Also threshold drift, ranking overlap, who gains, models and types compared, doses."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """What the prefix does, in one screen; every contrast behind --all."""
    from prefixbench.analysis.compare import Selection, compare_run
    from prefixbench.analysis.settings import Asked
    from prefixbench.spec.margins import parse_smallest_effects

    asked = Asked(parse_smallest_effects(smallest_effect or ()), seed, metric)
    selection = Selection(contrast, against, model, task)
    shown = compare_run(run, selection, asked, as_json=as_json, everything=everything, further=further)
    sys.stdout.write(shown)


@app.command("gate")
def gate_command(
    run: RunArgument,
    *,
    contrast: Annotated[str, typer.Option(help="CONDITION-BASELINE; any two conditions of the run.")] = "correct-none",
    max_loss: Annotated[
        float | None, typer.Option(help="Loss in points still accepted; the run's smallest effect if absent.")
    ] = None,
    model: ModelOption = None,
    task: TaskOption = None,
    only_proven: Annotated[bool, typer.Option("--only-proven", help="Pass unless a loss is shown.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Exit with 0 where no loss beyond the bound is shown possible, 3 where one is shown, 4 where neither is."""
    from prefixbench.analysis.compare import Selection
    from prefixbench.analysis.gate import judge_run

    result = judge_run(run, contrast, max_loss, Selection(model=model, task=task), only_proven=only_proven)
    sys.stdout.write(result.to_json() if as_json else result.render())
    raise typer.Exit(result.shown)


@app.command("export")
def export_command(
    run: RunArgument,
    *,
    export_format: Annotated[str, typer.Option("--format", help="csv, parquet, markdown, latex or mteb.")],
    output: Annotated[Path | None, typer.Option(help="Folder; RUN/export/FORMAT if absent.")] = None,
    smallest_effect: SmallestEffectOption = None,
    seed: SeedOption = None,
) -> None:
    """Write every table, or mteb's own results layout."""
    from prefixbench.analysis.export import export_run
    from prefixbench.analysis.settings import Asked
    from prefixbench.spec.margins import parse_smallest_effects

    for path in export_run(run, export_format, output, Asked(parse_smallest_effects(smallest_effect or ()), seed)):
        sys.stdout.write(f"{path}\n")
