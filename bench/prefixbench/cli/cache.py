"""``prefixbench cache``: what the embedding store holds, whether it is sound, and making it smaller."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prefixbench.cli.app import EXIT_FAILED_CELLS, CacheOption, app

if TYPE_CHECKING:
    from prefixbench.vectors import VectorStore

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document.")]

cache_app = typer.Typer(no_args_is_help=True, help="The embedding store: what it holds, whether it is sound, pruning.")
app.add_typer(cache_app, name="cache")


@cache_app.command("stats")
def stats_command(cache: CacheOption = None, as_json: JsonOption = False) -> None:
    """Show models, vectors and bytes."""
    from prefixbench.vectors.stats import collect_stats
    from prefixbench.vectors.tables import render_stats

    stats = collect_stats(_open_store(cache))
    sys.stdout.write(_dump(stats.to_json()) if as_json else render_stats(stats))


@cache_app.command("verify")
def verify_command(cache: CacheOption = None, as_json: JsonOption = False) -> None:
    """Read every record; name and drop those that are damaged, to be embedded again. Exits 1 if there were any."""
    from prefixbench.vectors.tables import render_verify
    from prefixbench.vectors.upkeep import verify_store

    report = verify_store(_open_store(cache))
    damaged = _drop_damaged_models(_locate_cache(cache))
    if as_json:
        sys.stdout.write(_dump({**report.to_json(), "damaged_models": [str(folder) for folder in damaged]}))
    else:
        sys.stdout.write("".join(f"{folder}: is not as written; deleted, to be made again.\n" for folder in damaged))
        sys.stdout.write(render_verify(report))
    raise typer.Exit(EXIT_FAILED_CELLS if report.damage or damaged else 0)


@cache_app.command("prune")
def prune_command(
    older_than: Annotated[
        str | None, typer.Option(help="Only what was not used for so long, tables of own data too: 12h, 30d, 8w.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Only this model's vectors.")] = None,
    max_size: Annotated[
        str | None, typer.Option(help="Only until so much is left, least recently used first: 500MB, 20GB.")
    ] = None,
    cache: CacheOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete stored vectors; with no option, only what killed processes left behind."""
    from prefixbench.data.upkeep import prune_data
    from prefixbench.vectors.tables import format_bytes, render_prune
    from prefixbench.vectors.upkeep import parse_age, parse_size, prune_store

    age = None if older_than is None else parse_age(older_than)
    report = prune_store(
        _open_store(cache),
        older_than=age,
        model=model,
        max_bytes=None if max_size is None else parse_size(max_size),
    )
    data = prune_data(_locate_cache(cache), age if model is None else None)
    if as_json:
        sys.stdout.write(_dump({**report.to_json(), "data_sets": data.n_sets, "data_bytes": data.n_bytes}))
        return
    sys.stdout.write(render_prune(report))
    if data.n_bytes:
        sys.stdout.write(f"tables of {data.n_sets:,} own data sets deleted, {format_bytes(data.n_bytes)}.\n")


def _drop_damaged_models(cache: Path) -> list[Path]:
    """Delete converted models and merged twins that are not what was written, and name them."""
    from prefixbench.files import SEAL, is_sealed

    made = sorted(seal.parent for pattern in ("engines/*/*", "models/*") for seal in cache.glob(f"{pattern}/{SEAL}"))
    damaged = [folder for folder in made if not is_sealed(folder)]
    for folder in damaged:
        shutil.rmtree(folder)
    return damaged


def _locate_cache(cache: Path | None) -> Path:
    from prefixbench.files import default_cache_folder

    return (cache or default_cache_folder()).expanduser()


def _open_store(cache: Path | None) -> VectorStore:
    from prefixbench.vectors import STORE_FOLDER, VectorStore

    return VectorStore.open(_locate_cache(cache) / STORE_FOLDER)


def _dump(document: dict[str, object]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
