from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from prefixbench.starter import corpus as corpus_module
from prefixbench.starter.corpus import (
    deduplicate,
    group_near_duplicates,
    hash_share,
    leaked_share,
    read_cached,
    write_cached,
)
from prefixbench.starter.documentation import DocumentedFunction
from prefixbench.starter.recipe import load_recipe
from prefixbench.starter.selection import is_leak, resolve_links, select_pairs, select_reranking


def make_function(
    name: str, summary: str, module: str = "pkg.one", see_also: tuple[str, ...] = ()
) -> DocumentedFunction:
    return DocumentedFunction(
        name=name.rpartition(".")[2],
        qualified_name=f"{module}.{name}",
        package="pkg",
        module=module,
        subpackage=module,
        kind="function",
        summary=summary,
        documentation="",
        code="",
        see_also=see_also,
    )


def make_functions(n: int) -> list[DocumentedFunction]:
    words = np.random.default_rng(0).permutation([f"word{i}" for i in range(8 * n)]).reshape(n, 8)
    return [make_function(f"f{i}", " ".join(row), see_also=(f"f{(i + 1) % n}",)) for i, row in enumerate(words)]


def test_near_duplicates_fall_together() -> None:
    texts = [
        "Return the largest eigenvalue of a square matrix.",
        "Return the largest eigenvalue of a square matrix",
        "Returns the largest eigenvalue of a square matrix.",
        "Draw the graph with a spring layout.",
    ]
    groups = group_near_duplicates(texts, 2, 0.6)
    assert groups[0] == groups[1] == groups[2] != groups[3]


def test_boilerplate_is_no_duplication() -> None:
    texts = [f"array_like of any shape number{i} differs" for i in range(50)]
    assert len(set(group_near_duplicates(texts, 3, 0.3, widest=10))) == 50


def test_deduplication_does_not_depend_on_the_order() -> None:
    functions = [*make_functions(30), make_function("twin", make_functions(30)[3].summary)]
    rules = load_recipe().texts
    forward, backward = deduplicate(functions, rules), deduplicate(functions[::-1], rules)
    assert forward == backward
    assert len(forward) == 30


def test_a_new_function_moves_no_other_to_another_split() -> None:
    names = [f"f{i}" for i in range(200)]
    shares = [hash_share(name, "classification") for name in names]
    assert 60 < sum(share < 0.5 for share in shares) < 140
    assert [hash_share(name, "classification") for name in [*names, "new"]][:200] == shares


def test_query_inside_the_answer_is_a_leak() -> None:
    assert is_leak("Compute the mean.", "First, compute the MEAN of all. Then stop.", 0.99)
    assert leaked_share("one two three four", "two three and more") == pytest.approx(1 / 3)
    assert not is_leak("one two three four", "two three and more", 0.5)


def test_links_hold_in_both_directions_and_prefer_the_same_class() -> None:
    functions = [
        make_function("A.fit", "a", see_also=("predict", "pkg.other.lonely")),
        make_function("A.predict", "b"),
        make_function("B.predict", "c", module="pkg.two"),
        make_function("lonely", "d", module="pkg.other"),
    ]
    links = resolve_links(functions)
    assert links["pkg.one.A.fit"] == {"pkg.one.A.predict", "pkg.other.lonely"}
    assert links["pkg.other.lonely"] == {"pkg.one.A.fit"}
    assert "pkg.two.B.predict" not in links


def test_negatives_are_never_linked() -> None:
    functions = make_functions(40)
    links = resolve_links(functions)
    rows = select_reranking(functions, load_recipe().reranking)
    for query, found in rows.relevant.items():
        assert set(found) <= links[query]
        assert not (set(rows.candidates[query]) - set(found)) & (links[query] | {query})
    pairs = select_pairs(functions, 20)
    assert sum(pairs.linked) == 10
    assert [second in links[first] for first, second in pairs.names] == [bool(label) for label in pairs.linked]


def test_cache_survives_damage(tmp_path: Path) -> None:
    path = tmp_path / "new" / "rows.json.gz"
    write_cached(path, [{"a": 1}])
    assert read_cached(path) == [{"a": 1}]
    path.write_bytes(path.read_bytes()[:12])
    assert read_cached(path) is None


def test_extraction_is_read_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    functions = make_functions(3)

    def extract(package: object) -> list[DocumentedFunction]:
        calls.append(str(package))
        return functions

    monkeypatch.setattr(corpus_module, "extract_functions", extract)
    package = load_recipe().test[0]
    assert corpus_module.load_functions(package, tmp_path) == functions
    assert corpus_module.load_functions(package, tmp_path) == functions
    assert len(calls) == 1
    other = package.model_copy(update={"exclude": ("x",)})
    corpus_module.load_functions(other, tmp_path)
    assert len(calls) == 2
    assert dataclasses.asdict(functions[0])["see_also"] == ("f1",)
