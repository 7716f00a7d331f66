"""Deterministic runs and analyses for the report's tests: every kind of row the page can meet, none of it measured."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from prefixbench.items.statistics import compute_statistic
from prefixbench.items.table import ItemTable, Statistic
from prefixbench.plain import clean_text
from prefixbench.results.hits import write_hits
from prefixbench.results.items import write_items
from prefixbench.results.live import PlannedCell
from prefixbench.results.records import (
    CellFailure,
    CellResult,
    Cost,
    GeometrySummary,
    ProbeRecord,
    SourceRecord,
)
from prefixbench.results.run import Manifest, Run, write_manifest
from prefixbench.results.texts import add_document_texts, add_item_texts
from prefixbench.spec.conditions import Condition, Mechanism
from prefixbench.spec.sweep import ModelSpec, SweepSpec, TaskSpec
from prefixbench.vectors.embedder import EmbedderIdentity, RoleAudit, TextSample

if TYPE_CHECKING:
    from pathlib import Path

from tests.fakes_frames import FakeAnalysis, make_analysis
from tests.fakes_rows import make_documents, make_failure, make_hits, make_pair, make_probes, make_texts
from tests.fakes_sweep import CONDITIONS, MODELS, PROVENANCE, TASKS, FakeSweep, effect_of, hash_words

__all__ = ["CONDITIONS", "MODELS", "TASKS", "FakeAnalysis", "FakeSweep", "make_fake"]


def make_fake(folder: Path, sweep: FakeSweep | None = None, *, without_items: bool = False) -> tuple[Run, FakeAnalysis]:
    """A run folder with every file the report reads, and the analysis that belongs to it.

    ``without_items`` writes no per-item scores: thousands of files would take longer than what is tested.
    """
    sweep = replace(sweep or FakeSweep(), store_items=not without_items)
    folder = folder / sweep.name
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[CellResult | CellFailure | ProbeRecord] = []
    texts: dict[tuple[str, str], dict[str, str]] = {}
    for model in sweep.models:
        for task in sweep.tasks:
            rows += [_make_cell(folder, sweep, model, task, condition) for condition in sweep.conditions]
        rows += make_probes(sweep, model) if sweep.probes else []
    first = next(iter(sweep.models))
    rows += [
        make_failure(
            first, sweep.tasks[0], "skipped", "adapter:retrieval", "the model has no adapters.", "InexpressibleError"
        ),
        make_failure(
            first, sweep.tasks[-1], "failed", "foreign", "out of memory: 3 GiB asked, 1 GiB free.", "MemoryError"
        ),
    ]
    planned = [row.cell_id for row in rows if not isinstance(row, ProbeRecord)]
    planned += [f"missing-{index}" for index in range(sweep.missing)]
    manifest = Manifest(
        spec=SweepSpec(
            name="fake",
            description="Made-up numbers that exercise every part of the report.",
            models=tuple(ModelSpec(name=clean_text(name)) for name in sweep.models),
            tasks=tuple(TaskSpec(name=clean_text(name.partition(":")[0])) for name, _, _ in sweep.tasks),
            conditions=tuple(Condition.parse(name) for name in sweep.conditions),
        ),
        planned=tuple(PlannedCell(cell_id=cell_id) for cell_id in planned),
        command="prefixbench sweep --preset fake",
    )
    write_manifest(folder, manifest)
    (folder / "ledger.jsonl").write_text("".join(row.model_dump_json() + "\n" for row in rows), encoding="utf-8")
    for (name, subset, item), text in make_texts(sweep).items():
        texts.setdefault((name, subset), {})[item] = text
    for (name, subset), own in texts.items():
        add_item_texts(folder, name, subset, own)
        add_document_texts(folder, name, subset, make_documents())
    run = Run(folder, manifest, tuple(rows))
    return run, make_analysis(sweep)


def _make_cell(folder: Path, sweep: FakeSweep, model: str, task: tuple[str, str, str], condition: str) -> CellResult:
    index = sweep.tasks.index(task)
    name, _, subset = task[0].partition(":")
    query, document, _ = sweep.models[model]
    asymmetric = task[1] in {"Retrieval", "Reranking"}
    pair = make_pair(query, document, condition)
    effect = effect_of(sweep, model, index, condition)
    cell_id = f"{abs(hash_words(sweep.name, model, task[0], condition)):016x}"
    items = _make_items(sweep, index, effect, asymmetric)
    if sweep.as_typed and task[1] in _PAIRS:
        items = _as_pairs(items, _PAIRS[task[1]])
    score = compute_statistic(items)
    roles = ("query", "document") if asymmetric else ("text",)
    prefixes = {"query": pair.query.prefix, "document": pair.document.prefix, "text": pair.query.prefix}
    return CellResult(
        cell_id=cell_id,
        conditions=(condition,),
        model=model,
        model_revision="abcdef0123456789",
        mechanism=Mechanism.PREFIX,
        task=name,
        task_type=task[1],
        task_source="mteb",
        dataset_revision="0123456789abcdef",
        dataset_sha256="0" * 64,
        dataset_license="cc-by-4.0",
        hf_subset=subset or "default",
        hf_split="test",
        main_score=task[2],
        score=score,
        scores={task[2]: score},
        statistic=items.statistic,
        n_items=sweep.n_items,
        items_sha256=write_items(folder, cell_id, items) if sweep.store_items else "0" * 64,
        hits_sha256=write_hits(folder, cell_id, make_hits(sweep, condition))
        if sweep.store_items and asymmetric
        else None,
        pair=pair,
        sources={
            side: SourceRecord(layer="card", citation=f"https://huggingface.co/{model}", certain=condition != "foreign")
            for side in ("query", "document")
        },
        audit=tuple(_make_audit(role, prefixes[role], index) for role in roles),
        encoder=EmbedderIdentity(
            model=model,
            revision="abcdef0123456789",
            weights_digest="f" * 64,
            max_seq_length=512,
            pooling="mean, normalised",
            dtype="float32",
            engine="openvino",
        ),
        geometry=tuple(_make_geometry(role, effect, condition, index) for role in roles) if sweep.geometry else (),
        limit=None,
        seed=42,
        scoring_version=1,
        cost=Cost(
            seconds_encode=12.0 + index + 0.3 * len(prefixes[roles[0]]),
            seconds_score=1.5,
            texts_asked=1300,
            texts_embedded=1200,
            texts_reused=100,
        ),
        provenance=PROVENANCE,
    )


def _make_items(sweep: FakeSweep, index: int, effect: float, ranked: bool) -> ItemTable:
    rng = np.random.default_rng([sweep.seed, index])
    n = max(sweep.n_items, 1)
    base = rng.beta(4, 2, size=n)
    moved = np.clip(base + effect / 100 + rng.normal(0, 0.08, size=n) * (effect != 0.0), 0.0, 1.0)
    ids = np.array([f"i{number}" for number in range(n)])
    return ItemTable(
        statistic=Statistic.MEAN,
        item_id=ids,
        group_id=ids,
        replicate=np.zeros(n, dtype=np.int32),
        value=moved,
        rank=np.maximum(1.0, np.round(12 * (1 - moved))) if ranked else None,
    )


_PAIRS = {"STS": Statistic.SPEARMAN, "PairClassification": Statistic.AVERAGE_PRECISION}


def _as_pairs(items: ItemTable, statistic: Statistic) -> ItemTable:
    """The items as similarities of pairs, those of high value alike."""
    places = np.linspace(0.0, 1.0, len(items.value))
    target = (places > 0.5).astype(float) if statistic is Statistic.AVERAGE_PRECISION else places
    return replace(items, statistic=statistic, prediction=0.3 * places + 0.6 * items.value, target=target)


def _make_audit(role: Any, prefix: str, index: int) -> RoleAudit:
    texts = ("how to reset a lost card pin", "Paris is the capital of France.", "a < b & c > d")
    return RoleAudit(
        role=role,
        prefix=prefix,
        prefix_tokens=len(prefix.split()) + prefix.count(":"),
        n_texts=650,
        n_truncated=12 + len(prefix) // 8 + index,
        n_truncated_without_prefix=12 + index,
        tokens_pushed_out=3 * len(prefix),
        n_tokens=52_000 + 650 * len(prefix.split()),
        samples=tuple(TextSample(text=prefix + text, token_ids=(101, 2003, 2004, 102)) for text in texts),
    )


def _make_geometry(role: Any, effect: float, condition: str, index: int) -> GeometrySummary:
    moved = 0.0 if condition == "none" else 0.02 + abs(hash_words(condition) % 17) / 100 + abs(effect) / 80
    return GeometrySummary(
        role=role,
        shift_mean=min(1.0, moved),
        overlap_at_10=max(0.0, 1.0 - 2.2 * moved),
        shared_offset=0.0 if condition == "none" else 0.4 + 0.05 * (index % 5),
        anisotropy=0.2 + 0.4 * moved,
        n_sampled=500,
    )
