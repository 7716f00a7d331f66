"""The functions of several packages together: cached on disk, deduplicated, in an order that is a hash's."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from prefixbench.files import default_cache_folder, write_bytes
from prefixbench.starter.documentation import DocumentedFunction, extract_functions
from prefixbench.starter.recipe import Recipe, SourcePackage, TextRules, installed_version

EXTRACTION_VERSION = 1
"""Raised whenever ``extract_functions`` returns something else for the same source."""

WIDEST_SHINGLE = 40
"""Word triples in more documentations than this are boilerplate ("array_like of shape") and no sign of duplication."""


def starter_cache_folder() -> Path:
    """Where extracted documentation is kept: in the user's cache folder."""
    return default_cache_folder() / "starter"


def hash_order(text: str) -> str:
    """The key that stands in for a random order: the same on every machine, whatever else is in the corpus."""
    return hashlib.sha256(text.encode()).hexdigest()


def hash_share(text: str, salt: str) -> float:
    """A number in [0, 1) that is the text's own under this salt; splits are cut by it."""
    return int(hash_order(f"{salt}:{text}")[:12], 16) / 16**12


def load_functions(package: SourcePackage, cache: Path | None = None) -> list[DocumentedFunction]:
    """Documented functions of one installed package, from the cache where the same version was read before.

    Args:
        package: Which one.
        cache: Folder of the extraction cache; the user's own where absent.
    """
    version = installed_version(package)
    if version is None:
        return []
    key = hash_order(json.dumps([EXTRACTION_VERSION, version, package.model_dump(mode="json")], sort_keys=True))[:16]
    path = (cache or starter_cache_folder()) / f"{package.module}-{version}-{key}.json.gz"
    rows = read_cached(path)
    if not isinstance(rows, list):
        functions = extract_functions(package)
        write_cached(path, [asdict(function) for function in functions])
        return functions
    return [DocumentedFunction(**{**row, "see_also": tuple(row["see_also"])}) for row in rows]


def read_cached(path: Path) -> object:
    """What was written under this path, or ``None`` where nothing readable is there."""
    try:
        content: object = json.loads(gzip.decompress(path.read_bytes()))
    except (OSError, EOFError, ValueError):
        return None
    return content


def write_cached(path: Path, content: object) -> None:
    """Write so that no reader ever sees half a file; a folder that cannot be written to only costs time."""
    encoded = gzip.compress(json.dumps(content, allow_nan=False).encode(), compresslevel=3, mtime=0)
    with contextlib.suppress(OSError):
        write_bytes(path, encoded)


def normalise(text: str) -> list[str]:
    """Lower-case words of letters and digits."""
    return re.findall(r"[a-z0-9]+", text.lower())


def shingle(text: str, width: int) -> set[str]:
    """Runs of ``width`` words; the whole text where it is shorter."""
    words = normalise(text)
    return {" ".join(words[start : start + width]) for start in range(max(1, len(words) - width + 1))}


def leaked_share(query: str, answer: str) -> float:
    """Share (0–1) of the query's word pairs that stand in the answer."""
    pairs = shingle(query, 2)
    return len(pairs & shingle(answer, 2)) / len(pairs)


def group_near_duplicates(
    texts: Sequence[str], width: int, threshold: float, widest: int | None = None
) -> NDArray[np.int64]:
    """Number the groups of texts whose shingles' Jaccard similarity reaches the threshold, shape ``(n_texts,)``.

    Equal texts always fall together. With ``widest``, shingles in more texts than that are not counted.
    """
    # Imported here, since facts of the starter are asked for by commands that compute nothing.
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    words: dict[str, int] = {}
    holders: list[list[int]] = []
    for position, text in enumerate(texts):
        for one in shingle(text, width):
            column = words.setdefault(one, len(words))
            if column == len(holders):
                holders.append([])
            holders[column].append(position)
    exact: dict[str, int] = {}
    edges = [(exact.setdefault(" ".join(normalise(text)), place), place) for place, text in enumerate(texts)]
    rare = [group for group in holders if widest is None or len(group) <= widest]
    rows = np.fromiter((position for group in rare for position in group), dtype=np.int64)
    columns = np.repeat(np.arange(len(rare)), [len(group) for group in rare])
    held = csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(texts), len(rare)))
    shared = (held @ held.T).tocoo()
    sizes = np.asarray(held.sum(axis=1)).ravel()
    similarity = shared.data / (sizes[shared.row] + sizes[shared.col] - shared.data)
    alike = (similarity >= threshold) & (shared.row < shared.col)
    left = np.concatenate([[a for a, _ in edges], shared.row[alike]])
    right = np.concatenate([[b for _, b in edges], shared.col[alike]])
    graph = csr_matrix((np.ones(len(left)), (left, right)), shape=(len(texts), len(texts)))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def deduplicate(functions: Iterable[DocumentedFunction], rules: TextRules) -> list[DocumentedFunction]:
    """Keep one of each group whose summaries or documentation are (nearly) the same, in the hash's order.

    Functions whose summary is too short or too long are left out first.
    """
    least, most = rules.summary_words
    kept = [one for one in functions if least <= len(one.summary.split()) <= most]
    kept.sort(key=lambda one: hash_order(one.qualified_name))
    kept = _keep_first(kept, group_near_duplicates([one.summary for one in kept], 2, rules.near_duplicate))
    texts = [one.documentation or one.summary for one in kept]
    return _keep_first(kept, group_near_duplicates(texts, 3, rules.near_duplicate, WIDEST_SHINGLE))


def _keep_first(functions: list[DocumentedFunction], groups: NDArray[np.int64]) -> list[DocumentedFunction]:
    _, first = np.unique(groups, return_index=True)
    return [functions[place] for place in np.sort(first)]


def load_corpus(recipe: Recipe, cache: Path | None = None) -> list[DocumentedFunction]:
    """All test packages' functions, deduplicated across packages."""
    found = [function for package in recipe.test for function in load_functions(package, cache)]
    return deduplicate(found, recipe.texts)
