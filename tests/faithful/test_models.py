"""Every kind of model, vector by vector and score by score, against the libraries doing the same thing directly."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import mteb
import numpy as np
import pytest
import torch
from mteb.models.sentence_transformer_wrapper import SentenceTransformerEncoderWrapper
from mteb.types import PromptType
from prefixbench.encode.cached import StoredEmbedder
from prefixbench.plan.cell import Cell
from prefixbench.plan.place import Place
from prefixbench.plan.tasks import import_task_class, task_facts
from prefixbench.prefixes.sources import NOTHING_SOURCE
from prefixbench.run.session import EncodedCell
from prefixbench.run.stages import encode_cell, forget, list_place_texts, score_stored_cell
from prefixbench.score import embed_part
from prefixbench.spec.conditions import BASELINE, Mechanism, PrefixPair, Role, Side
from prefixbench.spec.sweep import EncoderSettings, Engine, ModelSpec
from prefixbench.vectors import STORE_FOLDER, VectorStore
from prefixbench.vectors.embedder import Vectors
from sentence_transformers import SentenceTransformer

from tests.faithful.kinds import AXES, Kind, build_kind, list_kinds, list_pairs

SETTINGS = EncoderSettings(device="cpu", engine=Engine.TORCH, batch_tokens=192)
TASKS = ("MatrixSTS", "MatrixRetrieval")
PAIRS = (
    PrefixPair(),
    PrefixPair(Side("query: "), Side("passage: ")),
    PrefixPair(Side("the dog ran:"), Side("title: {title} | text: ", title_slot=True)),
)


def test_the_rows_hold_every_pair_of_values_that_can_go_together() -> None:
    held = {pair for kind in list_kinds() for pair in list_pairs(kind)}
    single = {(axis, value) for axis, values in AXES.items() for value in values}
    assert {one[:2] for one in held} | {one[2:] for one in held} == single
    assert ("network", "decoder", "router", "router of two limits") in held
    assert ("prompt", "prompt left out", "truncation", "cuts left") in held
    assert len(list_kinds()) < 60


class Titled(SentenceTransformerEncoderWrapper):
    """mteb's own wrapper, told each document's prompt by its title."""

    slot = ""

    def encode(self, inputs: Any, *, prompt_type: PromptType | None = None, **kwargs: Any) -> Any:
        if prompt_type is not PromptType.document or not self.slot:
            return super().encode(inputs, prompt_type=prompt_type, **kwargs)
        rows = [row for batch in inputs for row in zip(batch["title"], batch["body"], strict=True)]
        return encode_titled(self.model, rows, self.slot)


def encode_titled(library: SentenceTransformer, rows: list[tuple[str, str]], slot: str) -> Vectors:
    """Each document with its own title in the prompt's slot; those of one title in one go."""
    by_row: dict[int, Any] = {}
    for title in dict.fromkeys(title for title, _ in rows):
        places = [place for place, row in enumerate(rows) if row[0] == title]
        bodies = [rows[place][1].strip() for place in places]
        prompt = slot.replace("{title}", title or "none")
        by_row |= dict(zip(places, library.encode_document(bodies, prompt=prompt), strict=True))
    return np.stack([by_row[place] for place in range(len(rows))])


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)  # such small products take longer on more
    yield tmp_path_factory.mktemp("cache")
    torch.set_num_threads(n_threads)
    for name in TASKS:
        forget(f"task {name}")


@pytest.mark.parametrize("kind", list_kinds(), ids=str)
def test_vectors_and_scores_are_those_of_the_libraries(kind: Kind, tmp_path: Path, cache: Path) -> None:
    folder = build_kind(kind, tmp_path)
    model = ModelSpec(name=str(folder))
    library = SentenceTransformer(str(folder), device="cpu")
    if kind.adapter:
        library.load_adapter(str(folder / "adapters" / "search"), adapter_name="search")
    for pair in PAIRS:
        if kind.adapter:
            pair = replace(
                pair, query=replace(pair.query, adapter="search"), document=replace(pair.document, adapter="search")
            )
        for task in TASKS:
            cell = make_cell(model, task, pair)
            place = Place.of(cell)
            encoded = encode_cell(cell, list_place_texts(place), cache)
            compare_vectors(library, encoded, place, cache)
            scored = score_stored_cell(encoded.cell, place, encoded.known, cache, None)
            direct = score_directly(library, task, pair)
            assert direct.keys() == {name for name in scored.scores if not name.startswith("nauc")}
            assert {name: scored.scores[name] for name in direct} == pytest.approx(direct, abs=1e-5), (pair, task)


def make_cell(model: ModelSpec, task: str, pair: PrefixPair) -> Cell:
    source = f"tests.faithful.tasks.{task}"
    facts = task_facts(import_task_class(source)(), source)
    sources = (NOTHING_SOURCE, NOTHING_SOURCE)
    return Cell(model, (BASELINE,), facts, "default", "test", pair, Mechanism.PREFIX, SETTINGS, sources)


def compare_vectors(library: SentenceTransformer, encoded: EncodedCell, place: Place, cache: Path) -> None:
    """What the store holds of every text against what the library makes of it."""
    stored = StoredEmbedder(encoded.known.identity, encoded.known.dim, VectorStore.open(cache / STORE_FOLDER))
    encode: dict[Role | None, Any] = {
        None: library.encode,
        Role.QUERY: library.encode_query,
        Role.DOCUMENT: library.encode_document,
    }
    for part in list_place_texts(place).manifest.parts:
        side = encoded.cell.pair.side_for(part.role)
        if side.title_slot and part.bodies is not None and part.titles is not None:
            expected = encode_titled(library, list(zip(part.titles, part.bodies, strict=True)), side.prefix)
        else:
            expected = encode[part.role](list(part.texts), prompt=side.prefix_for(), show_progress_bar=False)
        np.testing.assert_allclose(embed_part(stored.embed, encoded.cell.pair, part), expected, rtol=2e-5, atol=2e-5)


def score_directly(library: SentenceTransformer, task: str, pair: PrefixPair) -> dict[str, float]:
    """Every finite number that ``mteb.evaluate`` gives, but for curves of confidence, which rounding decides."""
    prompts = {"STS": pair.query.prefix, "query": pair.query.prefix, "document": pair.document.prefix_for()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what mteb warns of by itself is not ours to answer for
        wrapped = Titled(library, model_prompts=prompts)
        wrapped.slot = pair.document.prefix if pair.document.title_slot else ""
        if library.similarity_fn_name in {"euclidean", "manhattan"}:
            # mteb refuses to compare row by row by these where it knows of them, and else asks the model.
            wrapped.mteb_model_meta = wrapped.mteb_model_meta.model_copy(update={"similarity_fn_name": None})
        found = import_task_class(f"tests.faithful.tasks.{task}")()
        result = mteb.evaluate(wrapped, found, cache=None, co2_tracker=False, show_progress_bar=False)
    scores = result.task_results[0].scores["test"][0]
    return {
        name: float(value)
        for name, value in scores.items()
        if isinstance(value, int | float) and math.isfinite(value) and not name.startswith("nauc")
    }
