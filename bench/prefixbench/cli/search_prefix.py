"""``prefixbench search-prefix``."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Literal

import typer

from prefixbench.cli.app import app
from prefixbench.cli.flags import SweepFlags, with_sweep_flags


@app.command("search-prefix")
@with_sweep_flags
def search_prefix_command(
    flags: SweepFlags,
    index: Annotated[
        Literal["documented", "none"], typer.Option(help="What documents are sent with throughout.")
    ] = "documented",
    workers: Annotated[int | None, typer.Option(help="Scoring processes; 0 scores in this one.", min=0)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Try many strings for queries: halve them on one half of the queries, judge the winner by the other."""
    from prefixbench.run.progress import choose_progress, silence_libraries

    silence_libraries()  # before anything imports them
    from dataclasses import replace

    from prefixbench.run.command import SweepOptions
    from prefixbench.run.search_prefix import PROPOSED, search_prefix
    from prefixbench.run.search_words import render_search, search_to_json

    asks_itself = flags.conditions is None and flags.spec is None and flags.preset is None
    spec = (replace(flags, conditions=",".join(PROPOSED)) if asks_itself else flags).load_spec()
    options = SweepOptions(flags.results_folder(spec), flags.cache, workers=workers)
    found = search_prefix(spec, options, choose_progress(), prefixed_index=index == "documented")
    document = json.dumps(search_to_json(found), ensure_ascii=False, allow_nan=False, indent=2) + "\n"
    sys.stdout.write(document if as_json else render_search(found))
