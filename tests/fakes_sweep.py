"""The made-up sweep of the report's tests: its models, tasks, conditions, and the effects it pretends."""

from __future__ import annotations

from dataclasses import dataclass, field

from prefixbench.results.records import Provenance

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
STRENGTH = {
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
    as_typed: bool = False
    """Whether tasks of pairs have the statistics of their types, which cost an analysis more than a mean does."""


def effect_of(sweep: FakeSweep, model: str, task_index: int, condition: str) -> float:
    """The made-up effect in points."""
    strength = sweep.models[model][2] * STRENGTH.get(condition, 0.1)
    return round(strength * (0.2 + 0.45 * ((task_index * 7 + len(model)) % 5)) - 0.15 * (task_index % 3), 3)


def hash_words(*words: str) -> int:
    """The same number in every process."""
    return (
        int.from_bytes("\0".join(words).encode()[-8:], "big")
        ^ sum((place + 1) * ord(letter) for place, letter in enumerate("\0".join(words))) << 20
    )
