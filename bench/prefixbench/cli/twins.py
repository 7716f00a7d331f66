"""``prefixbench twins``: train the same model with and without prefixes, and see what its prefixes are worth."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from prefixbench.cli.app import app
from prefixbench.errors import SpecError

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="A TOML file; the starter's where absent.", show_default=False)
]

FIGURE_TITLE = "what training with prefixes, and sending them, is worth, by run"

twins_app = typer.Typer(no_args_is_help=True, help="Train twins with and without prefixes, and validate them.")
app.add_typer(twins_app, name="twins")


@twins_app.command("train")
def train_command(
    config: ConfigOption = None,
    output: Annotated[Path, typer.Option(help="Receives one folder a twin; a torn run goes on there.")] = Path("twins"),
    variants: Annotated[
        str, typer.Option(help="Of prefixed, plain, adapters, adapters+prefix; comma-separated.")
    ] = "prefixed,plain",
    seeds: Annotated[str | None, typer.Option(help="Overrides the configuration's; comma-separated.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Overrides the configuration's.")] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(
            help="[TASK=]SOURCE, repeatable: a JSONL or Parquet file, or a hub dataset org/name[:config][@split]."
        ),
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads; all where absent.")] = None,
    cache: Annotated[Path | None, typer.Option(help="Folder of the extraction cache.", show_default=False)] = None,
) -> None:
    """Train twins: the same base model, data, order of batches and steps, with prefixes and without."""
    from prefixbench.twins.config import load_twin_config, parse_seeds, parse_variants
    from prefixbench.twins.run import limit_threads, train_twins

    chosen = load_twin_config(config).override(seeds=parse_seeds(seeds), steps=steps)
    limit_threads(threads)
    folders = train_twins(
        chosen,
        output,
        variants=parse_variants(variants),
        data=tuple(data or ()),
        cache=cache,
        report=lambda line: typer.echo(line, err=True),
    )
    for folder in folders:
        sys.stdout.write(f"{folder}\n")


@twins_app.command("validate")
def validate_command(
    twin: Annotated[Path | None, typer.Argument(help="A twin's folder.")] = None,
    base: Annotated[bool, typer.Option("--base", help="The base model itself, untrained.")] = False,
    config: ConfigOption = None,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads; all where absent.")] = None,
    cache: Annotated[Path | None, typer.Option(help="Folder of the extraction cache.", show_default=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Score a twin on training packages kept out of training: none, correct and wrong prefix per task."""
    if (twin is None) != base:
        raise SpecError(
            "name one model to validate: a twin's folder, as `prefixbench twins train` prints it, or --base for the "
            "base model."
        )
    from prefixbench.twins.config import load_twin_config
    from prefixbench.twins.run import limit_threads, validate_folder

    limit_threads(threads)
    scores = validate_folder(load_twin_config(config), twin, cache)
    if as_json:
        rows = [{"task": one.task, "condition": one.condition, "score": one.score} for one in scores]
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
    else:
        for one in scores:
            sys.stdout.write(f"{one.task:<16}{one.condition:<9}{one.score:6.2f}\n")


@twins_app.command("findings")
def findings_command(
    runs: Annotated[list[Path], typer.Argument(help="Results folders of sweeps of the twins.")],
    output: Annotated[
        Path | None, typer.Option(help="The Markdown page, its figure beside it; printed where absent.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a page that is there.")] = False,
    smallest_effect: Annotated[float, typer.Option(min=0.0, help="Points that matter.")] = 0.5,
) -> None:
    """Answer what the twins were trained to answer, from swept results, as one page."""
    from prefixbench.files import write_bytes
    from prefixbench.report.figures import write_intervals
    from prefixbench.results import load_run
    from prefixbench.twins.findings_page import find, list_intervals, render_findings

    if output is not None and output.exists() and not overwrite:
        raise SpecError(f"{output} is there already; --overwrite replaces it.")
    findings = find([load_run(path) for path in runs], smallest_effect)
    if output is None:
        sys.stdout.write(render_findings(findings))
        return
    figure = output.with_suffix(".png")
    task_type, rows = list_intervals(findings)
    write_intervals(figure, f"{task_type}: {FIGURE_TITLE}", rows, smallest_effect)
    write_bytes(output, render_findings(findings, figure.name).encode())
    sys.stdout.write(f"{output}\n{figure}\n")
