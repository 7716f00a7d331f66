"""``prefixbench sweep``: plan, open the folder, run, and say how it ended."""

from __future__ import annotations

import functools
import json
import os
import shlex
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from prefixbench.data import describe_data
from prefixbench.encode.repository import compute_weights_digest
from prefixbench.endpoints.meter import Meter
from prefixbench.endpoints.settings import EndpointSettings
from prefixbench.errors import PrefixbenchError
from prefixbench.files import default_cache_folder, write_memo
from prefixbench.plan.expand import Plan
from prefixbench.plan.place import Place
from prefixbench.plan.resolver import Resolver
from prefixbench.results import load_run
from prefixbench.results.guard import hold_folder
from prefixbench.run.cluster import RayExecutor
from prefixbench.run.cluster_settings import ClusterSettings
from prefixbench.run.executor import Executor
from prefixbench.run.folder import examine_present, find_pending, make_folder, open_folder
from prefixbench.run.planning import fetch_folder, find_local_folder, make_plan
from prefixbench.run.preview import RATES_FILE
from prefixbench.run.processes import ProcessExecutor
from prefixbench.run.progress import Progress, choose_progress, write_line
from prefixbench.run.served import ask_served, list_idle
from prefixbench.run.shard import Shard
from prefixbench.run.stages import before_loading, digest_data, report_to, spend_from
from prefixbench.run.sweep import Sweep
from prefixbench.spec.conditions import ConditionKind
from prefixbench.spec.sweep import ModelSpec, Overwrite, SweepSpec
from prefixbench.starter import version_deviations

COMPLETE, SOME_FAILED, INTERRUPTED = 0, 1, 130
MOST_REASONS = 3
"""Reasons for failed and inert cells that are printed."""


FEW_CORES = 2
"""A model that embeds here keeps so many busy by itself: scoring beside it would only take memory."""


@dataclass(frozen=True, slots=True)
class SweepOptions:
    """How a sweep runs, which no result depends on.

    Attributes:
        folder: Results folder.
        cache: Folder of the embedding store; the user's cache folder where ``None``.
        overwrite: What happens to cells already there.
        workers: Scoring processes; where ``None`` half the cores, at least two, which on few cores give way to a model.
        max_tokens: Tokens that may be spent at endpoints this time.
        max_cost: Money that may be spent at endpoints this time.
        shard: The share of the cells to compute; all where ``None``. The folder is planned to hold them all.
        cluster: The Ray cluster to work on; this machine alone where ``None``.
    """

    folder: Path
    cache: Path | None = None
    overwrite: Overwrite = Overwrite.ONLY_MISSING
    workers: int | None = None
    max_tokens: int | None = None
    max_cost: float | None = None
    shard: Shard | None = None
    cluster: ClusterSettings | None = None


def run_command(spec: SweepSpec, options: SweepOptions, *, as_json: bool, json_progress: bool) -> int:
    """Run or resume a sweep; returns the exit code."""
    progress = choose_progress(json_progress)
    try:
        n_failed = run_sweep(spec, options, progress)
    except KeyboardInterrupt:
        progress.stop()
        write_line(sys.stderr, "interrupted; finished cells are kept. Run the same command again to go on.")
        return INTERRUPTED
    run = load_run(options.folder)
    skipped = sum(row.status == "skipped" for row in run.failures)
    failed = [row for row in run.failures if row.status == "failed"]
    inert = [row for row in run.failures if row.status == "inert"]
    if as_json:
        summary = {
            "results": str(options.folder),
            "cells": len(run.results),
            "skipped": skipped,
            "inert": [{"cell_id": row.cell_id, "reason": row.reason} for row in inert],
            "failed": [{"cell_id": row.cell_id, "reason": row.reason} for row in failed],
            "complete": run.complete,
        }
        sys.stdout.write(json.dumps(summary) + "\n")
    say = functools.partial(write_line, sys.stderr)
    count = f", {len(inert)} inert" if inert else ""
    say(f"{options.folder}: {len(run.results)} cells scored, {skipped} skipped{count}, {len(failed)} failed")
    reasons = list(dict.fromkeys(f"{row.status}: {row.reason}" for row in (*failed, *inert)))
    for reason in reasons[:MOST_REASONS]:
        say(f"  {reason}")
    if len(reasons) > MOST_REASONS:
        say(f"  and {len(reasons) - MOST_REASONS} more reasons, all in the report")
    # A share leaves cells to the others; those of its own that it could not do are counted by the sweep.
    missing = run.missing if options.shard is None else ()
    if missing:
        say(run.describe_missing())
    return SOME_FAILED if n_failed or failed or missing else COMPLETE


def run_sweep(spec: SweepSpec, options: SweepOptions, progress: Progress) -> int:
    """Run or resume a sweep; returns how many cells failed this time, 1 where a limit of cost stopped it."""
    is_new = not options.folder.exists()
    make_folder(options.folder)
    executor = _make_executor(options, progress)
    report_to(progress)
    try:
        with hold_folder(options.folder):
            if is_new:
                executor.start()  # there will be work, and workers share what this process must import to plan
            draws_tokens = any(condition.kind is ConditionKind.PLACEBO for condition in spec.conditions)
            find_folder = fetch_folder if draws_tokens else find_local_folder
            plan, resolver = make_plan(spec, functools.partial(find_folder, cache=options.cache), options.cache)
            return _run_plan(plan, resolver, options, executor, progress)
    finally:
        executor.stop()
        progress.stop()


def _run_plan(plan: Plan, resolver: Resolver, options: SweepOptions, executor: Executor, progress: Progress) -> int:
    run = open_folder(options.folder, plan, command=shlex.join(["prefixbench", *sys.argv[1:]]))
    cache = options.cache or default_cache_folder()
    present = examine_present(plan, run, lambda model: _digest_model(model, cache), _digest_data)
    share = frozenset(plan.cell_ids) if options.shard is None else options.shard.choose(plan)
    pending = find_pending(plan, run, options.overwrite, present)
    meter = Meter(options.max_tokens, options.max_cost)
    if options.overwrite is not Overwrite.NEVER:
        served = ask_served(list_idle(plan, pending), cache, meter, progress)
        pending = find_pending(plan, run, options.overwrite, replace(present, weights={**present.weights, **served}))
    pending &= share
    n_cells = len(share)
    if pending:
        executor.start()
    progress.start(n_cells, n_cells - len(pending))
    for own in (task for task in plan.tasks if task.origin.data is not None):
        progress.say(describe_data(own, cache))
    if not pending:
        return 0
    warnings = version_deviations() if any(task.source == "starter" for task in plan.tasks) else ()
    for warning in warnings:
        progress.say(warning)
    sweep = Sweep(
        plan=plan,
        pending=pending,
        folder=options.folder,
        cache=cache,
        executor=executor,
        resolver=resolver,
        probes={(row.model, row.condition, row.task_type) for row in run.probes},
        progress=progress,
        warnings=warnings,
    )
    spend_from(meter)
    sweep.run()
    if meter.requests:
        progress.say(meter.describe())
    if sweep.stopped:
        progress.say(sweep.stopped)
    _remember_rates(sweep)
    return sweep.n_failed or int(sweep.stopped is not None)


def _digest_model(model: ModelSpec, cache: Path) -> str | None:
    """Digest of a model's files as they are now; ``None`` where they are not on this machine, or it is called."""
    if EndpointSettings.of(model) is not None:
        return None
    try:
        folder = find_local_folder(model, cache)
        return None if folder is None else compute_weights_digest(folder, cache, trusted=model.trust_remote_code)
    except (PrefixbenchError, OSError):
        return None


def _digest_data(place: Place) -> str | None:
    """Digest of a place's data as they are now; ``None`` where they cannot be read."""
    try:
        return digest_data(place)
    except PrefixbenchError:
        return None


def _remember_rates(sweep: Sweep) -> None:
    """Keep how fast this machine was, for the next plan's estimate."""
    counts = sweep.progress.counts
    n_cells = counts.cells_done
    if not n_cells or not counts.texts_done or not sweep.seconds_encode:
        return
    rates = {
        "texts_per_second": counts.texts_done / sweep.seconds_encode,
        "seconds_per_cell": max(0.0, counts.seconds - sweep.seconds_encode) / n_cells,
    }
    write_memo(sweep.cache / RATES_FILE, rates)


def _make_executor(options: SweepOptions, progress: Progress) -> Executor:
    if options.cluster is not None:
        return RayExecutor(options.cluster, progress)
    n_cores = os.cpu_count() or FEW_CORES
    executor = ProcessExecutor(max(2, n_cores // 2) if options.workers is None else options.workers)
    if options.workers is None and n_cores <= FEW_CORES:
        before_loading(executor.give_way)
    return executor
