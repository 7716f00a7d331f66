"""Deterministic runs and analyses for the report's tests: every kind of row the page can meet, none of it measured."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bench.items.table import ItemTable, Statistic
from bench.spec.conditions import Condition, Mechanism, PrefixPair, Side
from bench.spec.sweep import ModelSpec, SweepSpec, TaskSpec
from bench.store.items import write_items
from bench.store.records import (
    CellFailure,
    CellResult,
    Cost,
    EncoderIdentity,
    ExampleDistance,
    GeometrySummary,
    ProbeRecord,
    Provenance,
    RoleAudit,
    SourceRecord,
    TextSample,
)
from bench.store.run import Manifest, Run, items_path, write_item_texts, write_manifest

if TYPE_CHECKING:
    from pathlib import Path

TASKS = (
    ("SciFact", "Retrieval", "ndcg_at_10"),
    ("XQuADRetrieval:en", "Retrieval", "ndcg_at_10"),
    ("MBPPRetrieval", "Retrieval", "ndcg_at_10"),
    ("AskUbuntuDupQuestions", "Reranking", "map"),
    ("Banking77Classification", "Classification", "accuracy"),
    ("ToxicConversationsClassification", "Classification", "accuracy"),
    ("STSBenchmark", "STS", "cosine_spearman"),
    ("PawsXPairClassification:en", "PairClassification", "max_ap"),
    ("SIB200ClusteringS2S:eng_Latn", "Clustering", "v_measure"),
)
MODELS = {
    "intfloat/e5-small-v2": ("query: ", "passage: ", 3.2),
    "nomic-ai/nomic-embed-text-v1.5": ("search_query: ", "search_document: ", 6.5),
    "BAAI/bge-small-en-v1.5": ("Represent this sentence for searching relevant passages: ", "", 0.7),
    "sentence-transformers/all-MiniLM-L6-v2": ("", "", 0.0),
}
CONDITIONS = (
    "none",
    "correct",
    "wrong",
    "instruction",
    "query-only",
    "document-only",
    "swapped",
    "placebo",
    "shuffled",
    "paraphrase:1",
    "paraphrase:2",
    "mangled",
)
_STRENGTH = {
    "none": 0.0,
    "correct": 1.0,
    "wrong": -0.6,
    "instruction": 0.5,
    "query-only": 0.8,
    "document-only": 0.2,
    "swapped": -0.3,
    "foreign": -0.2,
    "placebo": -0.4,
    "shuffled": 0.3,
    "paraphrase:1": 0.7,
    "paraphrase:2": 0.6,
    "mangled": 0.85,
}
PROVENANCE = Provenance(
    git_commit="1234567890abcdef1234567890abcdef12345678",
    git_dirty=False,
    packages={"mteb": "2.26.24", "sentence-transformers": "6.2.0", "torch": "2.13.0", "numpy": "2.4.6"},
    platform="Linux x86_64, Python 3.11.7",
    device="cpu",
    cpu="Test Processor, 2 cores",
    utc="2026-11-20T10:00:00+00:00",
)


@dataclass(frozen=True)
class FakeSettings:
    """What the made-up analysis was told."""

    smallest_effect: float = 0.5


@dataclass(frozen=True)
class FakeAnalysis:
    """Frames of the contract's shape."""

    settings: FakeSettings
    contrasts: pd.DataFrame
    pooled: pd.DataFrame
    models: pd.DataFrame
    movers: pd.DataFrame
    refusals: pd.DataFrame


@dataclass(frozen=True)
class FakeSweep:
    """What to make up."""

    models: dict[str, tuple[str, str, float]] = field(default_factory=lambda: dict(MODELS))
    tasks: tuple[tuple[str, str, str], ...] = TASKS
    conditions: tuple[str, ...] = CONDITIONS
    n_items: int = 60
    name: str = "fake"
    missing: int = 0
    geometry: bool = True
    probes: bool = True
    seed: int = 0
    store_items: bool = True


def make_fake(folder: Path, sweep: FakeSweep | None = None, *, without_items: bool = False) -> tuple[Run, FakeAnalysis]:
    """A run folder with every file the report reads, and the analysis that belongs to it.

    ``without_items`` writes no per-item scores: thousands of files would take longer than what is tested.
    """
    sweep = replace(sweep or FakeSweep(), store_items=not without_items)
    folder = folder / sweep.name
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[CellResult | CellFailure | ProbeRecord] = []
    for model in sweep.models:
        for task in sweep.tasks:
            rows += [_make_cell(folder, sweep, model, task, condition) for condition in sweep.conditions]
        rows += _make_probes(sweep, model) if sweep.probes else []
    first = next(iter(sweep.models))
    rows += [
        _make_failure(
            first, sweep.tasks[0], "skipped", "adapter:retrieval", "the model has no adapters.", "InexpressibleError"
        ),
        _make_failure(
            first, sweep.tasks[-1], "failed", "foreign", "out of memory: 3 GiB asked, 1 GiB free.", "MemoryError"
        ),
    ]
    planned = tuple(row.cell_id for row in rows if not isinstance(row, ProbeRecord))
    manifest = Manifest(
        spec=SweepSpec(
            name="fake",
            description="Made-up numbers that exercise every part of the report.",
            models=tuple(ModelSpec(name=name) for name in sweep.models),
            tasks=tuple(TaskSpec(name=name.partition(":")[0]) for name, _, _ in sweep.tasks),
            conditions=tuple(Condition.parse(name) for name in sweep.conditions),
        ),
        planned=(*planned, *(f"missing-{index}" for index in range(sweep.missing))),
        command="prefixbench sweep --preset fake",
    )
    write_manifest(folder, manifest)
    (folder / "ledger.jsonl").write_text("".join(row.model_dump_json() + "\n" for row in rows), encoding="utf-8")
    write_item_texts(folder, _make_texts(sweep))
    run = Run(folder, manifest, tuple(rows))
    return run, make_analysis(sweep)


def effect_of(sweep: FakeSweep, model: str, task_index: int, condition: str) -> float:
    """The made-up effect in points."""
    strength = sweep.models[model][2] * _STRENGTH.get(condition, 0.1)
    return round(strength * (0.2 + 0.45 * ((task_index * 7 + len(model)) % 5)) - 0.15 * (task_index % 3), 3)


def _make_cell(folder: Path, sweep: FakeSweep, model: str, task: tuple[str, str, str], condition: str) -> CellResult:
    index = sweep.tasks.index(task)
    name, _, subset = task[0].partition(":")
    query, document, _ = sweep.models[model]
    asymmetric = task[1] in {"Retrieval", "Reranking"}
    pair = _make_pair(query, document, condition)
    effect = effect_of(sweep, model, index, condition)
    cell_id = f"{abs(hash_words(sweep.name, model, task[0], condition)):016x}"
    items = _make_items(sweep, index, effect, asymmetric)
    score = float(items.value.mean())
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
        statistic=Statistic.MEAN,
        n_items=sweep.n_items,
        items_sha256=write_items(items_path(folder, cell_id), items) if sweep.store_items else "0" * 64,
        pair=pair,
        sources={
            side: SourceRecord(layer="card", citation=f"https://huggingface.co/{model}", certain=condition != "foreign")
            for side in ("query", "document")
        },
        audit=tuple(_make_audit(role, prefixes[role], index) for role in roles),
        encoder=EncoderIdentity(
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


def hash_words(*words: str) -> int:
    """The same number in every process."""
    return (
        int.from_bytes("\0".join(words).encode()[-8:], "big")
        ^ sum((place + 1) * ord(letter) for place, letter in enumerate("\0".join(words))) << 20
    )


def _make_pair(query: str, document: str, condition: str) -> PrefixPair:
    by_condition = {
        "none": ("", ""),
        "correct": (query, document),
        "query-only": (query, ""),
        "document-only": ("", document),
        "swapped": (document, query),
    }
    left, right = by_condition.get(condition, (f"{condition}: {query}", document))
    return PrefixPair(Side(left), Side(right))


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


def _make_probes(sweep: FakeSweep, model: str) -> list[ProbeRecord]:
    query, document, gain = sweep.models[model]
    sentences = (
        (
            "What is the capital of France?",
            "What is the name of the capital city of France?",
            "Paris is the capital of France.",
        ),
        (
            "Why is the sky blue?",
            "What is the reason that the sky is blue?",
            "The scattering of sunlight causes the blue color",
        ),
    )
    return [
        ProbeRecord(
            model=model,
            model_revision="abcdef0123456789",
            condition=condition,
            task_type=task_type,
            pair=_make_pair(query, document, condition),
            examples=tuple(
                ExampleDistance(
                    question=question,
                    paraphrase=paraphrase,
                    answer=answer,
                    similarity_paraphrase=0.9 - 0.02 * place - 0.01 * gain,
                    similarity_answer=0.75 + 0.03 * gain * _STRENGTH.get(condition, 0.1) - 0.1 * place,
                )
                for place, (question, paraphrase, answer) in enumerate(sentences)
            ),
        )
        for task_type in ("Retrieval", "STS")
        for condition in sweep.conditions
    ]


def _make_failure(
    model: str, task: tuple[str, str, str], status: Any, condition: str, reason: str, error: str
) -> CellFailure:
    return CellFailure(
        cell_id=f"{status}-{condition}",
        status=status,
        conditions=(condition,),
        model=model,
        model_revision=None,
        task=task[0].partition(":")[0],
        task_type=task[1],
        hf_subset=task[0].partition(":")[2] or "default",
        hf_split="test",
        reason=reason,
        error=error,
        provenance=PROVENANCE,
    )


def _make_texts(sweep: FakeSweep) -> dict[tuple[str, str, str], str]:
    name, _, subset = sweep.tasks[0][0].partition(":")
    return {
        (name, subset or "default", f"i{number}"): f"Does aspirin number {number} <b>lower</b> the risk?"
        for number in range(sweep.n_items)
    }


def make_analysis(sweep: FakeSweep) -> FakeAnalysis:
    """Frames of the contract's shape over the same made-up effects."""
    return FakeAnalysis(
        settings=FakeSettings(),
        contrasts=_make_contrasts(sweep),
        pooled=_make_pooled(sweep),
        models=_make_models(sweep),
        movers=_make_movers(sweep),
        refusals=pd.DataFrame(
            [["intfloat/e5-small-v2", "SciFact", "default", "test", "foreign-none", "the cell foreign has failed."]],
            columns=["model", "task", "hf_subset", "hf_split", "contrast", "reason"],
        ),
    )


def _decide(delta: float, half: float) -> str:
    if delta - half > 0:
        return "helps"
    if delta + half < 0:
        return "hurts"
    return "equivalent" if max(abs(delta - half), abs(delta + half)) < 1.0 else "inconclusive"


def _make_contrasts(sweep: FakeSweep) -> pd.DataFrame:
    rows = []
    for model in sweep.models:
        for index, (label, task_type, metric) in enumerate(sweep.tasks):
            task, _, subset = label.partition(":")
            for condition in sweep.conditions:
                if condition == "none":
                    continue
                delta = effect_of(sweep, model, index, condition)
                half = 0.35 + 0.3 * (index % 4)
                verdict = _decide(delta, half)
                rows.append(
                    {
                        "model": model,
                        "task": task,
                        "task_type": task_type,
                        "hf_subset": subset or "default",
                        "hf_split": "test",
                        "metric": metric,
                        "contrast": f"{condition}-none",
                        "condition": condition,
                        "baseline": "none",
                        "n_items": sweep.n_items,
                        "n_groups": sweep.n_items,
                        "score": 0.6 + delta / 100,
                        "baseline_score": 0.6,
                        "delta_points": delta,
                        "ci_low": delta - half,
                        "ci_high": delta + half,
                        "p_value": math.exp(-abs(delta) / half),
                        "p_holm": min(1.0, 3 * math.exp(-abs(delta) / half)),
                        "planned": condition in {"correct", "wrong"},
                        "mde": 1.4 * half,
                        "share_better": 0.3 + 0.02 * delta,
                        "share_worse": 0.3 - 0.02 * delta,
                        "share_same": 0.4,
                        "verdict": verdict,
                        "n_items_to_settle": 900.0 if verdict == "inconclusive" else math.nan,
                        "n_resamples": 10_000,
                        "seed": 42,
                        "method": "paired bootstrap over items",
                        "identical": False,
                        "note": "",
                    }
                )
    return pd.DataFrame(rows)


def _make_pooled(sweep: FakeSweep) -> pd.DataFrame:
    rows = []
    for model in sweep.models:
        scopes = ["all", *dict.fromkeys(task_type for _, task_type, _ in sweep.tasks)]
        for scope in scopes:
            for condition in sweep.conditions[1:]:
                effects = [
                    effect_of(sweep, model, index, condition)
                    for index, task in enumerate(sweep.tasks)
                    if scope in {"all", task[1]}
                ]
                delta = float(np.mean(effects))
                half = 0.4 if scope == "all" else 0.8
                rows.append(
                    {
                        "subject": model,
                        "subject_kind": "model",
                        "scope": scope,
                        "contrast": f"{condition}-none",
                        "n_tasks": len(effects),
                        "delta_points": delta,
                        "ci_low": delta - half,
                        "ci_high": delta + half,
                        "pi_low": delta - 3 * half,
                        "pi_high": delta + 3 * half,
                        "tau2": 0.5,
                        "i2": 0.6,
                        "p_value": 0.01,
                        "verdict": _decide(delta, half),
                        "mixed_delta_points": delta,
                        "mixed_ci_low": delta - half,
                        "mixed_ci_high": delta + half,
                        "note": "",
                    }
                )
    return pd.DataFrame(rows)


def _make_models(sweep: FakeSweep) -> pd.DataFrame:
    pooled = _make_pooled(sweep)
    rows = []
    for model, (query, _, gain) in sweep.models.items():
        row = pooled[
            (pooled["subject"] == model) & (pooled["scope"] == "all") & (pooled["contrast"] == "correct-none")
        ].iloc[0]
        overall = "required" if gain > 3 else "helpful" if gain > 1 else "harmless" if not query else "unclear"
        rows.append(
            {
                "model": model,
                "family": model.partition("/")[2].partition("-")[0],
                "overall": overall,
                "query_side": "helps" if gain > 1 else "equivalent",
                "document_side": "equivalent",
                "keep_index": "yes" if gain < 5 else "no",
                "action": {
                    "required": "Keep your index, prefix the queries.",
                    "harmless": "Send nothing: no prefix is documented, and none is needed.",
                }.get(overall, "Use the documented prefix; measure on your own data."),
                "delta_points": row["delta_points"],
                "ci_low": row["ci_low"],
                "ci_high": row["ci_high"],
                "n_tasks": len(sweep.tasks),
            }
        )
    return pd.DataFrame(rows)


def _make_movers(sweep: FakeSweep) -> pd.DataFrame:
    task, _, subset = sweep.tasks[0][0].partition(":")
    rows = [
        {
            "model": model,
            "task": task,
            "hf_subset": subset or "default",
            "hf_split": "test",
            "contrast": "correct-none",
            "item_id": f"i{number}",
            "delta_points": sign * (40.0 - number),
            "before": 0.3,
            "after": 0.3 + sign * (40.0 - number) / 100,
            "rank_before": 7.0 if sign > 0 else 2.0,
            "rank_after": 1.0 if sign > 0 else math.inf,
        }
        for model in sweep.models
        for number in range(5)
        for sign in (1, -1)
    ]
    return pd.DataFrame(rows)
