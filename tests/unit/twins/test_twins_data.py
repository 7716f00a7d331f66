from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from prefixbench.errors import SpecError, UnknownNameError
from prefixbench.starter.corpus import deduplicate, load_corpus, load_functions, normalise
from prefixbench.starter.documentation import DocumentedFunction
from prefixbench.starter.recipe import load_recipe
from prefixbench.twins.config import TwinConfig, Variant, load_twin_config, parse_seeds, parse_variants
from prefixbench.twins.data import (
    Batch,
    BatchMaker,
    TrainingRow,
    draw_batches,
    drop_near_duplicates,
    load_training_functions,
)
from prefixbench.twins.export import name_twin, render_card
from prefixbench.twins.pairs import draw_pair_batches, load_pairs, split_spec
from prefixbench.twins.run import split_runs
from prefixbench.twins.validate import validate_twin


def make_functions(n_topics: int = 24, per_topic: int = 10) -> list[DocumentedFunction]:
    found = []
    for topic in range(n_topics):
        for place in range(per_topic):
            name = f"f{topic}x{place}"
            found.append(
                DocumentedFunction(
                    name=name,
                    qualified_name=f"pkg.t{topic}.{name}",
                    package="pkg",
                    module=f"pkg.t{topic}",
                    subpackage=f"pkg.t{topic}",
                    kind="function",
                    summary=f"Do thing{topic} by way{place} with part{topic}n{place} at once",
                    documentation=" ".join(f"doc{topic}n{place}w{word}" for word in range(40)),
                    code=" ".join(f"code{topic}n{place}w{word}" for word in range(40)),
                    see_also=(f"f{topic}x{place ^ 1}",),
                )
            )
    return found


def make_maker(size: int = 8) -> BatchMaker:
    return BatchMaker(make_functions(), load_twin_config().batches, size)


def test_no_package_is_both_tested_on_and_trained_on() -> None:
    recipe = load_recipe()
    tested = {one.module for one in recipe.test}
    assert not tested & {one.module for one in recipe.train}
    assert set(load_twin_config().validation_packages) <= {one.module for one in recipe.train}


def test_near_duplicates_of_held_out_texts_are_left_out() -> None:
    functions = make_functions(2, 2)
    held_out = make_functions(1, 1)
    kept = drop_near_duplicates(functions, held_out, 0.6)
    assert functions[0] not in kept
    assert len(kept) == 3


def test_no_training_text_is_nearly_a_tested_one(starter_cache: Path) -> None:
    config = load_twin_config().model_copy(update={"validation_packages": ("polars",)})
    functions = load_training_functions(config, validation=True, cache=starter_cache)
    recipe = load_recipe()
    everything = deduplicate(load_functions(recipe.train[5], starter_cache), recipe.texts)
    tested = [set(normalise(one.summary)) for one in load_corpus(recipe, starter_cache)]
    assert {one.package for one in functions} == {"polars"}
    assert 0.5 * len(everything) < len(functions) < len(everything)
    dropped = {one.qualified_name for one in everything} - {one.qualified_name for one in functions}
    assert dropped
    for one in functions:
        assert set(normalise(one.summary)) not in tested


def test_batches_are_the_same_for_the_same_seed() -> None:
    tasks = ["search", "clustering", "classification", "similarity"]
    first, again, other = (draw_batches(make_maker(), tasks, 8, seed) for seed in (1, 1, 2))
    assert first == again != other
    assert {task: len(batches) for task, batches in first.items()} == dict.fromkeys(tasks, 2)


def test_search_wants_the_anchors_own_text() -> None:
    own = {one.summary: (one.documentation, one.code) for one in make_functions()}
    for seed in range(4):
        for row in make_maker().draw_search(np.random.default_rng(seed)):
            assert any(text.startswith(row.positive) for text in own[row.anchor])


def test_topics_reverse_what_search_wants() -> None:
    functions = {one.summary: one for one in make_functions()}
    batch = make_maker().draw_topic(np.random.default_rng(0), "documentation")
    assert len({functions[row.anchor].subpackage for row in batch}) == len(batch) == 8
    for row in batch:
        anchor = functions[row.anchor]
        assert functions[row.positive].subpackage == anchor.subpackage
        assert row.negative is not None
        assert anchor.documentation.startswith(row.negative) or anchor.code.startswith(row.negative)


def test_a_lookalike_is_of_no_subpackage_in_the_batch() -> None:
    functions = {one.summary: one for one in make_functions()}
    batch = make_maker().draw_topic(np.random.default_rng(0), "lookalike")
    topics = {functions[row.anchor].subpackage for row in batch}
    assert all(functions[str(row.negative)].subpackage not in topics for row in batch)


def test_no_similarity_positive_is_linked_to_another_anchor() -> None:
    maker = make_maker()
    names = {one.summary: one.qualified_name for one in make_functions()}
    batch = maker.draw_similarity(np.random.default_rng(0))
    for row in batch:
        linked = {names[other.positive] for other in batch} & maker.links[names[row.anchor]]
        assert linked == {names[row.positive]}


def test_similarity_pushes_away_what_clustering_wants() -> None:
    maker = make_maker()
    functions = {one.summary: one for one in make_functions()}
    assert maker.rules.negatives.similarity == "sibling"
    for row in maker.draw_similarity(np.random.default_rng(0)):
        anchor, negative = functions[row.anchor], functions[str(row.negative)]
        assert negative.module == anchor.module
        assert negative.qualified_name not in maker.links[anchor.qualified_name] | {anchor.qualified_name}
        assert negative.summary != row.positive


def test_too_large_a_batch_is_refused() -> None:
    with pytest.raises(
        SpecError, match=r"^twins\.optimiser\.batch_size: 64 is more than the 12 pairs that one batch of"
    ):
        draw_batches(make_maker(64), ["clustering"], 1, 0)


def test_variants_differ_in_prefixes_and_adapters_alone() -> None:
    batches: dict[str, list[Batch]] = {"search": [], "clustering": []}
    assert split_runs(Variant.PREFIXED, batches) == split_runs(Variant.PLAIN, batches) == {"": batches}
    assert split_runs(Variant.ADAPTERS, batches) == {"/search": {"search": []}, "/clustering": {"clustering": []}}
    assert [variant.sees_prefixes for variant in Variant] == [True, False, False, True]
    assert name_twin(Variant.ADAPTERS_PREFIXED, 2) == "minilm-adapters-prefix-seed2"


def test_prompts_go_by_sentence_transformers_names() -> None:
    assert load_twin_config().prompts() == {
        "query": "search_query: ",
        "document": "search_document: ",
        "clustering": "clustering: ",
        "classification": "classification: ",
        "similarity": "similarity: ",
    }


def test_the_card_names_data_recipe_and_licence() -> None:
    card = render_card(load_twin_config(), Variant.PLAIN, seed=1, batches={"search": 3})
    assert "- numpy 2.4.6 (bsd-3-clause)" in card
    assert "scipy" not in card.lower()
    assert "license: apache-2.0" in card
    assert "without any prefix, on the same batches as its twin" in card


def test_faults_of_a_config_are_all_named(tmp_path: Path) -> None:
    path = tmp_path / "twins.toml"
    path.write_text('name = "x"\nbase = "y"\nseeds = []\n[lora]\nrank = 0\nalpha = 1\ntargets = ["query"]\n')
    with pytest.raises(SpecError) as caught:
        load_twin_config(path)
    assert [fault.removeprefix(f"{path}: ") for fault in caught.value.faults] == [
        "twins.seeds: must not be empty.",
        "twins: the field 'optimiser' is missing.",
        "twins.lora.rank: must be greater than or equal to 1 (given: 0).",
        "twins: the field 'batches' is missing.",
        "twins: the field 'prefixes' is missing.",
    ]


def test_flags_are_checked() -> None:
    assert parse_seeds("1, 2") == (1, 2)
    with pytest.raises(SpecError, match=r"^--seeds 1,x: whole numbers separated by commas, as in 1,2,3\.$"):
        parse_seeds("1,x")
    with pytest.raises(UnknownNameError) as caught:
        parse_variants("prefixed,plane")
    assert str(caught.value) == "--variants: unknown variant 'plane'; did you mean plain?"


@pytest.fixture
def config() -> TwinConfig:
    return load_twin_config()


def test_own_pairs_are_read_from_jsonl(tmp_path: Path, config: TwinConfig) -> None:
    path = tmp_path / "pairs.jsonl"
    rows = [{"question": f"q{i}", "answer": f"a{i}", "n": i} for i in range(6)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert split_spec(f"similarity={path}", config) == ("similarity", str(path))
    assert split_spec(str(path), config)[0] == "search"
    assert load_pairs(str(path))[2] == TrainingRow("q2", "a2", None)


def test_a_missing_text_is_never_trained_on_as_a_word(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    rows = [{"q": "one", "a": "1", "n": "2"}, {"q": "two", "a": None, "n": None}, {"q": "three", "a": "3", "n": None}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(SpecError) as caught:
        load_pairs(str(path))
    advice = "leave these rows out, or the whole column."
    assert caught.value.faults == (
        f"--data {path}: 'a' is empty in 1 of 3 rows, the first row 2; {advice}",
        f"--data {path}: 'n' is empty in 2 of 3 rows, the first row 2; {advice}",
    )


def test_an_unknown_task_of_own_pairs_is_named(config: TwinConfig) -> None:
    with pytest.raises(SpecError) as caught:
        split_spec("sorting=x.jsonl", config)
    assert str(caught.value) == (
        "--data sorting=x.jsonl: the configuration has no task 'sorting'; "
        "valid are search, clustering, classification, similarity."
    )


def test_one_text_column_is_too_few(tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_text('{"text": "a", "n": 1}\n')
    with pytest.raises(SpecError, match=r"has 1 text columns of \['text', 'n'\]; pairs need two\.$"):
        load_pairs(str(path))


def test_own_pairs_start_over_when_used_up() -> None:
    rows = [TrainingRow(f"q{i}", f"a{i}") for i in range(5)]
    drawn = draw_pair_batches({"search": rows}, 4, 2, 0)["search"]
    assert all(len({row.anchor for row in batch}) == 2 for batch in drawn)
    assert not {row.anchor for row in drawn[0]} & {row.anchor for row in drawn[1]}
    with pytest.raises(SpecError, match=r"^--data: 'search' has 5 rows, fewer than the batch size of 6\.$"):
        draw_pair_batches({"search": rows}, 1, 6, 0)


def test_validation_scores_every_task_under_three_conditions(config: TwinConfig) -> None:
    def encode(texts: object, prefix: str) -> NDArray[np.float32]:
        vectors = []
        for text in list(texts):  # type: ignore[call-overload]
            counts = np.bincount([hash_word(word) for word in f"{prefix}{text}".split()], minlength=64)
            vectors.append(counts / np.linalg.norm(counts))
        return np.array(vectors, dtype=np.float32)

    functions = make_functions(4, 60)
    scores = validate_twin(functions, encode, config)
    assert [(one.task, one.condition) for one in scores] == [
        (task, condition) for task in config.prefixes for condition in ("none", "correct", "wrong")
    ]
    assert all(0 <= one.score <= 100 for one in scores)


def hash_word(word: str) -> int:
    return sum(map(ord, word)) % 64
