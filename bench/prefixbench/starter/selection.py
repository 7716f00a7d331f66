"""From documented functions to the items of each task: plain rows, no mteb."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from prefixbench.starter.corpus import hash_order, hash_share, leaked_share, normalise
from prefixbench.starter.documentation import DocumentedFunction
from prefixbench.starter.recipe import Recipe, RerankingSize, RetrievalSize


@dataclass(frozen=True, slots=True)
class RetrievalRows:
    """Queries and documents by id, which belong together, and for reranking what each query's candidates are."""

    queries: dict[str, str]
    documents: dict[str, str]
    relevant: dict[str, tuple[str, ...]]
    candidates: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PairRows:
    """Pairs of texts, 1 where maintainers link them; parallel tuples, ordered by hash."""

    names: tuple[tuple[str, str], ...]
    texts: tuple[tuple[str, str], ...]
    linked: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LabelledRows:
    """Texts with the subpackage they come from; parallel tuples, ordered by hash."""

    names: tuple[str, ...]
    texts: tuple[str, ...]
    labels: tuple[str, ...]


def is_leak(query: str, answer: str, most_shared: float) -> bool:
    """Whether the answer holds the query, or more than this share (0–1) of its word pairs."""
    held = f" {' '.join(normalise(query))} " in f" {' '.join(normalise(answer))} "
    return held or leaked_share(query, answer) > most_shared


def _truncate(text: str, words: tuple[int, int]) -> str:
    """The first words of a text, its line breaks kept; empty where it has too few."""
    least, most = words
    if len(text.split()) < least:
        return ""
    kept: list[str] = []
    room = most
    for line in text.splitlines():
        if room <= 0:
            break
        parts = line.split()
        kept.append(line if len(parts) <= room else " ".join(parts[:room]))
        room -= len(parts)
    return "\n".join(kept)


def select_retrieval(
    corpus: Sequence[DocumentedFunction], answers: Sequence[str], size: RetrievalSize, most_shared: float
) -> RetrievalRows:
    """Summary → answer; the first in the hash's order are queries, and further answers are distractors.

    Args:
        corpus: Deduplicated, in the hash's order.
        answers: One a function; empty where it has none.
        size: How many queries and documents.
        most_shared: See ``is_leak``.
    """
    usable: dict[str, tuple[str, str]] = {}
    seen: set[str] = set()
    for function, answer in zip(corpus, answers, strict=True):
        text = " ".join(normalise(answer))
        if not text or text in seen or is_leak(function.summary, answer, most_shared):
            continue
        seen.add(text)
        usable[function.qualified_name] = (function.summary, answer)
    names = list(usable)[: size.documents]
    asked = names[: size.queries]
    return RetrievalRows(
        queries={name: usable[name][0] for name in asked},
        documents={name: usable[name][1] for name in sorted(names)},
        relevant={name: (name,) for name in asked},
    )


def select_doc_retrieval(corpus: Sequence[DocumentedFunction], recipe: Recipe) -> RetrievalRows:
    """Summary → the rest of its documentation."""
    answers = [_truncate(one.documentation, recipe.texts.documentation_words) for one in corpus]
    return select_retrieval(corpus, answers, recipe.doc_retrieval, recipe.texts.leaked_share)


def select_code_retrieval(corpus: Sequence[DocumentedFunction], recipe: Recipe) -> RetrievalRows:
    """Summary → source without its docstring."""
    answers = [_truncate(one.code, recipe.texts.code_words) for one in corpus]
    return select_retrieval(corpus, answers, recipe.code_retrieval, recipe.texts.leaked_share)


def resolve_links(corpus: Sequence[DocumentedFunction]) -> dict[str, set[str]]:
    """Qualified names each function is linked with, in either direction.

    A written name (``DataFrame.mean``, ``scipy.linalg.svd``) means the function of the same package that ends on
    its last two parts, else on its last part: in the same class or module first, else the only one of that name.
    """
    by_ending: dict[tuple[str, str], list[DocumentedFunction]] = defaultdict(list)
    for one in corpus:
        parts = one.qualified_name.split(".")
        for length in (1, 2):
            by_ending[one.package, ".".join(parts[-length:])].append(one)
    links: dict[str, set[str]] = defaultdict(set)
    for one in corpus:
        for written in one.see_also:
            target = _resolve(one, written, by_ending)
            if target is not None and target != one.qualified_name:
                links[one.qualified_name].add(target)
                links[target].add(one.qualified_name)
    return links


def _resolve(
    origin: DocumentedFunction, written: str, by_ending: dict[tuple[str, str], list[DocumentedFunction]]
) -> str | None:
    parts = written.split(".")
    found = by_ending.get((origin.package, ".".join(parts[-2:])), []) or by_ending.get((origin.package, parts[-1]), [])
    if len(found) == 1:
        return found[0].qualified_name
    for scope in (origin.qualified_name.rpartition(".")[0], origin.module):
        near = [one for one in found if one.qualified_name.rpartition(".")[0] == scope]
        if len(near) == 1:
            return near[0].qualified_name
    return None


def _list_neighbours(
    origin: DocumentedFunction, modules: dict[str, list[DocumentedFunction]], linked: set[str]
) -> list[DocumentedFunction]:
    """Unlinked functions of the same module in the corpus's order, so that queries of one module share candidates."""
    return [one for one in modules[origin.module] if one is not origin and one.qualified_name not in linked]


def group_by_module(corpus: Sequence[DocumentedFunction]) -> dict[str, list[DocumentedFunction]]:
    """Functions of each module."""
    modules: dict[str, list[DocumentedFunction]] = defaultdict(list)
    for one in corpus:
        modules[one.module].append(one)
    return modules


def select_reranking(corpus: Sequence[DocumentedFunction], size: RerankingSize) -> RetrievalRows:
    """Summary → the summaries its See Also section links, among those of unlinked neighbours of the same module."""
    by_name = {one.qualified_name: one for one in corpus}
    links, modules = resolve_links(corpus), group_by_module(corpus)
    queries: dict[str, str] = {}
    relevant: dict[str, tuple[str, ...]] = {}
    candidates: dict[str, tuple[str, ...]] = {}
    for one in corpus:
        name = one.qualified_name
        linked = sorted(links.get(name, ()), key=lambda other, name=name: hash_order(f"{name} {other}"))
        unlinked = [other.qualified_name for other in _list_neighbours(one, modules, set(linked))][: size.negatives]
        if len(queries) == size.queries:
            break
        if linked and len(unlinked) >= size.least_negatives:
            queries[name] = one.summary
            relevant[name] = tuple(linked[: size.positives])
            candidates[name] = tuple(sorted((*relevant[name], *unlinked), key=hash_order))
    needed = sorted({other for group in candidates.values() for other in group})
    return RetrievalRows(queries, {name: by_name[name].summary for name in needed}, relevant, candidates)


def select_pairs(corpus: Sequence[DocumentedFunction], n_pairs: int) -> PairRows:
    """Each function once as the first of a pair: with one it is linked to, or with an unlinked neighbour."""
    by_name = {one.qualified_name: one for one in corpus}
    links, modules = resolve_links(corpus), group_by_module(corpus)
    rows: list[tuple[str, str, int]] = []
    counts: Counter[int] = Counter()
    for one in corpus:
        name = one.qualified_name
        linked = sorted(links.get(name, ()), key=lambda other, name=name: hash_order(f"{name} {other}"))
        unlinked = _list_neighbours(one, modules, set(linked))
        if not linked or not unlinked:
            continue
        label = int(hash_share(name, "pair") < 0.5)
        if counts[label] == n_pairs // 2:
            continue
        counts[label] += 1
        rows.append((name, linked[0] if label else unlinked[0].qualified_name, label))
    return PairRows(
        names=tuple((first, second) for first, second, _ in rows),
        texts=tuple((by_name[first].summary, by_name[second].summary) for first, second, _ in rows),
        linked=tuple(label for _, _, label in rows),
    )


def label_rows(functions: Sequence[DocumentedFunction]) -> LabelledRows:
    """Summaries with their subpackage as label."""
    return LabelledRows(
        names=tuple(one.qualified_name for one in functions),
        texts=tuple(one.summary for one in functions),
        labels=tuple(one.subpackage for one in functions),
    )


def keep_large_subpackages(corpus: Sequence[DocumentedFunction], least: int) -> list[DocumentedFunction]:
    """Functions of subpackages that hold at least this many."""
    counts = Counter(one.subpackage for one in corpus)
    return [one for one in corpus if counts[one.subpackage] >= least]


def select_classification(corpus: Sequence[DocumentedFunction], recipe: Recipe) -> tuple[LabelledRows, LabelledRows]:
    """Training and test texts of summary → subpackage; a text's side is decided by its own hash."""
    size = recipe.classification
    kept = keep_large_subpackages(corpus, size.least_per_label)
    train: list[DocumentedFunction] = []
    counts: Counter[str] = Counter()
    for one in kept:
        if hash_share(one.qualified_name, "classification") < 0.5 and counts[one.subpackage] < size.train_per_label:
            counts[one.subpackage] += 1
            train.append(one)
    test = [one for one in kept if hash_share(one.qualified_name, "classification") >= 0.5][: size.test]
    return label_rows(train), label_rows(test)


def select_clustering(corpus: Sequence[DocumentedFunction], recipe: Recipe) -> LabelledRows:
    """Texts of summary → subpackage."""
    return label_rows(keep_large_subpackages(corpus, recipe.clustering.least_per_label)[: recipe.clustering.texts])
