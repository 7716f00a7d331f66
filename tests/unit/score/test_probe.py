from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from prefixbench.score.probe import PROBE_TASKS, PROBES, compute_probe
from prefixbench.spec.conditions import PrefixPair, Role, Side
from prefixbench.vectors.embedder import Vectors

RETRIEVAL, STS = PROBE_TASKS


class CharacterEmbedder:
    """Counts the letters of prefix and text; remembers what it was sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []

    def embed(self, texts: Sequence[str], side: Side, titles: Sequence[str] | None = None) -> Vectors:
        assert (titles is not None) == side.title_slot
        vectors = np.zeros((len(texts), 128), dtype=np.float32)
        for row, text in enumerate(texts):
            self.sent.append((side.prefix_for(None), text))
            for letter in side.prefix_for(None) + text:
                vectors[row, ord(letter) % 128] += 1
        return vectors


def test_a_search_sends_the_question_as_query_and_the_rest_as_documents() -> None:
    embedder = CharacterEmbedder()
    distances = compute_probe(embedder.embed, PrefixPair(Side("q: "), Side("d: ")), RETRIEVAL)
    sent = {text: prefix for prefix, text in embedder.sent}
    assert [distance.question for distance in distances] == [probe.question for probe in PROBES]
    assert all(sent[probe.question] == "q: " for probe in PROBES)
    assert all(sent[probe.answer] == sent[probe.paraphrase] == "d: " for probe in PROBES)


@pytest.mark.parametrize(("symmetric", "prefix"), [(Role.QUERY, "q: "), (Role.DOCUMENT, "d: ")])
def test_a_comparison_of_meaning_sends_one_side(symmetric: Role, prefix: str) -> None:
    embedder = CharacterEmbedder()
    compute_probe(embedder.embed, PrefixPair(Side("q: "), Side("d: "), symmetric), STS)
    assert {sent for sent, _ in embedder.sent} == {prefix}


def test_similarities_are_cosines() -> None:
    embedder = CharacterEmbedder()
    first = compute_probe(embedder.embed, PrefixPair(), STS)[0]
    query, answer, paraphrase = embedder.embed([first.question, first.answer, first.paraphrase], Side()).astype(float)
    assert first.similarity_answer == pytest.approx(query @ answer / np.linalg.norm(query) / np.linalg.norm(answer))
    assert first.similarity_paraphrase == pytest.approx(
        query @ paraphrase / np.linalg.norm(query) / np.linalg.norm(paraphrase)
    )
    assert first.similarity_paraphrase > first.similarity_answer


def test_a_title_slot_is_given_titles() -> None:
    embedder = CharacterEmbedder()
    compute_probe(embedder.embed, PrefixPair(Side("q: "), Side("title: {title} | text: ", title_slot=True)), RETRIEVAL)
    assert ("title: none | text: ", "Paris is the capital of France.") in embedder.sent


def test_the_sentences_are_the_well_known_ones() -> None:
    assert PROBES[0].question == "What is the capital of France?"
    assert PROBES[0].paraphrase == "What is the name of the capital city of France?"
    assert PROBES[0].answer == "Paris is the capital of France."
    assert (PROBES[1].question, PROBES[1].answer) == (
        "Why is the sky blue?",
        "The scattering of sunlight causes the blue color",
    )
