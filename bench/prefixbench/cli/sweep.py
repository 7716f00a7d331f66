"""``prefixbench plan`` and ``prefixbench sweep``."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from prefixbench.cli.app import EXIT_FAILED_CELLS, EXIT_INTERRUPTED, app
from prefixbench.cli.flags import SweepFlags, with_sweep_flags
from prefixbench.errors import PrefixbenchError, SpecError
from prefixbench.files import default_cache_folder
from prefixbench.spec.sweep import Overwrite


class ExecutorName(StrEnum):
    """Where the stages of a sweep run."""

    INLINE = "inline"
    PROCESSES = "processes"
    RAY = "ray"


@app.command("plan")
@with_sweep_flags
def plan_command(
    flags: SweepFlags,
    everything: Annotated[bool, typer.Option("--all", help="Every cell and reason, however many.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Show the exact strings, what is stored and what it would cost, in one screen; run nothing."""
    from prefixbench.run.preview import describe_preview, preview_sweep
    from prefixbench.run.preview_table import render_preview

    spec = flags.load_spec()
    preview = preview_sweep(spec, flags.results_folder(spec), flags.cache)
    if as_json:
        sys.stdout.write(json.dumps(describe_preview(preview)) + "\n")
    else:
        sys.stdout.write(render_preview(preview, everything=everything))
    if any(cell.status == "failed" for cell in preview.unplanned):
        raise typer.Exit(EXIT_FAILED_CELLS)


@app.command("sweep")
@with_sweep_flags
def sweep_command(
    flags: SweepFlags,
    overwrite: Annotated[Overwrite, typer.Option(help="What happens to cells already there.")] = Overwrite.ONLY_MISSING,
    shard: Annotated[
        str | None, typer.Option(metavar="I/N", help="Compute the I-th of N shares only; join them with `merge`.")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Scoring processes; 0 scores in this one.", min=0)] = None,
    executor: Annotated[
        ExecutorName | None, typer.Option(help="Where stages run: this process, processes, or a Ray cluster.")
    ] = None,
    address: Annotated[str | None, typer.Option(help="The Ray cluster to join; a local one by default.")] = None,
    encoders: Annotated[int | None, typer.Option(help="Models embedding side by side on the cluster.", min=1)] = None,
    gpus_per_model: Annotated[float | None, typer.Option(help="GPUs, or a share, of each encoder.", min=0)] = None,
    max_tokens: Annotated[int | None, typer.Option(help="Tokens to spend at endpoints; stops before.", min=1)] = None,
    max_cost: Annotated[float | None, typer.Option(help="Money to spend at endpoints; stops before.", min=0)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document when done.")] = False,
    json_progress: Annotated[bool, typer.Option(help="Progress as JSON lines on stderr.")] = False,
    report: Annotated[bool, typer.Option(help="Write RUN/report.html when done.")] = True,
    everything: Annotated[bool, typer.Option("--all", help="Print the whole answer, however long.")] = False,
) -> None:
    """Run a sweep, or go on with one; a bad cell never stops the rest."""
    from prefixbench.run.progress import silence_libraries

    silence_libraries()  # before anything imports them
    from prefixbench.run.cluster_settings import ClusterSettings
    from prefixbench.run.command import SweepOptions, run_command
    from prefixbench.run.shard import Shard

    spec = flags.load_spec()
    share = None if shard is None else Shard.parse(shard)
    folder = flags.results_folder(spec)
    if share is not None and flags.results is None:
        folder = folder.with_name(f"{folder.name}-{share}")
    own = {"--address": address, "--encoders": encoders, "--gpus-per-model": gpus_per_model}
    budgets = {"--max-tokens": max_tokens, "--max-cost": max_cost}
    unused: Mapping[str, object] = budgets if executor is ExecutorName.RAY else own
    _refuse_flags(unused, executor)
    cluster = None
    if executor is ExecutorName.RAY:
        cache = (flags.cache or default_cache_folder()).expanduser().absolute()  # other nodes start elsewhere
        flags = replace(flags, cache=cache)
        cluster = ClusterSettings(cache, address, gpus_per_model or 0.0, encoders, workers or None)
    if executor is ExecutorName.INLINE:
        workers = 0
    options = SweepOptions(folder, flags.cache, overwrite, workers, max_tokens, max_cost, share, cluster)
    code = run_command(spec, options, as_json=as_json, json_progress=json_progress)
    if code != EXIT_INTERRUPTED and report and share is None and not as_json:
        _tell_answer(options.folder, everything=everything)
    raise typer.Exit(code)


def _refuse_flags(flags: Mapping[str, object], executor: ExecutorName | None) -> None:
    """Refuse flags that this executor has no use for, rather than overlook them."""
    for flag, value in flags.items():
        if value is not None and executor is ExecutorName.RAY:
            raise SpecError(f"{flag} is kept by one machine; it does not go with --executor ray.")
        if value is not None:
            raise SpecError(f"{flag} says something of a Ray cluster; it goes with --executor ray.")


def _tell_answer(folder: Path, *, everything: bool) -> None:
    """Write the report and print its first screen; what cannot be read is one sentence, and the sweep stays done."""
    from prefixbench.report.command import close_sweep
    from prefixbench.run.progress import write_line

    try:
        write_line(sys.stdout, close_sweep(folder, everything=everything).rstrip())
    except (PrefixbenchError, OSError) as error:
        write_line(sys.stderr, f"no report: {error}")
