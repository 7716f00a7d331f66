"""``prefixbench choose``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from prefixbench.cli.app import app
from prefixbench.cli.compare import SmallestEffectOption


@app.command("choose")
def choose_command(
    run: Annotated[Path, typer.Argument(help="A results folder.", metavar="RUN")],
    *,
    among: Annotated[str | None, typer.Option(help="A,B: conditions to choose among; all if absent.")] = None,
    baseline: Annotated[str, typer.Option(help="What they are compared with.")] = "none",
    metric: Annotated[str | None, typer.Option(help="Metric with per-item scores; the main score if absent.")] = None,
    smallest_effect: SmallestEffectOption = None,
    seed: Annotated[int | None, typer.Option(help="Seeds the halves; the run's own if absent.", min=0)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Pick the best condition on half of the items and report the other half."""
    from prefixbench.analysis.choose import choices_to_json, choose_run, render_choices
    from prefixbench.analysis.compare import choose_settings
    from prefixbench.analysis.settings import Asked
    from prefixbench.results import load_run
    from prefixbench.spec.load import split_names
    from prefixbench.spec.margins import parse_smallest_effects

    asked = Asked(parse_smallest_effects(smallest_effect or ()), seed, metric)
    settings = choose_settings(load_run(run), asked)
    choices, sentences = choose_run(run, split_names(among) if among else None, baseline, settings)
    sys.stdout.write(
        choices_to_json(choices, sentences, settings) if as_json else render_choices(choices, sentences, baseline)
    )
