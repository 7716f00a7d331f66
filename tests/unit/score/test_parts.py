"""What a pair of prefixes has each text sent with, and that its vector is that text's own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from prefixbench.score import TextPart, embed_part, make_part
from prefixbench.spec.conditions import Mixture, PrefixPair, Role, Side
from prefixbench.vectors.embedder import Vectors

TITLED = Side("title: {title} | text: ", title_slot=True)
MIXED = PrefixPair(Side("q: "), TITLED, mixture=Mixture(0.5, Side(), seed=3))
BODIES = tuple(f" body {number} " for number in range(40))
TITLES = tuple("" if number % 3 else f"Title {number}" for number in range(40))
DOCUMENTS = make_part(
    Role.DOCUMENT, [f"{title} {body}".strip() for title, body in zip(TITLES, BODIES, strict=True)], BODIES, TITLES
)


class Sent:
    """An embedder whose vectors are numbers of the strings it was sent."""

    def __init__(self) -> None:
        self.strings: list[str] = []

    def __call__(self, texts: Sequence[str], side: Side, titles: Sequence[str] | None) -> Vectors:
        prefixes = [side.prefix_for(title) for title in titles or [""] * len(texts)]
        numbers = range(len(self.strings), len(self.strings) + len(texts))
        self.strings += [prefix + text for prefix, text in zip(prefixes, texts, strict=True)]
        return np.array([[number] for number in numbers], dtype=np.float32)


def send(pair: PrefixPair, part: TextPart) -> list[str]:
    """The string whose vector each text got."""
    embed = Sent()
    return [embed.strings[int(number)] for number in embed_part(embed, pair, part)[:, 0]]


def test_a_mixture_sends_each_document_with_its_own_side_in_the_order_asked_for() -> None:
    sent = send(MIXED, DOCUMENTS)
    expected = [
        text if MIXED.document_side_of(text) == Side() else f"title: {title or 'none'} | text: {body.strip()}"
        for text, body, title in zip(DOCUMENTS.texts, BODIES, TITLES, strict=True)
    ]
    assert sent == expected
    assert 0 < sum(text.startswith("title: ") for text in sent) < 40


def test_queries_and_symmetric_texts_know_no_mixture() -> None:
    for role in (Role.QUERY, None):
        assert send(MIXED, make_part(role, ["a", "b"])) == ["q: a", "q: b"]


def test_no_texts_have_no_vectors() -> None:
    for pair in (PrefixPair(), MIXED):
        assert embed_part(Sent(), pair, make_part(Role.DOCUMENT, [])).size == 0
