"""Strings made from a documented prefix: other words, another order, the usual typo."""

from __future__ import annotations

import hashlib
import re
import string

import numpy as np

from prefixbench.errors import InexpressibleError
from prefixbench.prefixes.vocabulary import Vocabulary

_WORD = re.compile(r"\{title\}|[^\W_]+")
_PROBES = ("a", "the cat sat", "Paris")
_MAX_DRAWS = 2000
_MAX_ORDERS = 200


def seeded_rng(seed: int, *names: str) -> np.random.Generator:
    """A generator that depends on the seed and the names alone, on every machine."""
    digest = hashlib.blake2b("\x1f".join([str(seed), *names]).encode(), digest_size=16).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))


def draw_placebo(prefix: str, vocabulary: Vocabulary, rng: np.random.Generator) -> str:
    """Random words that take exactly as many tokens as ``prefix``, alone and before a text.

    How the prefix ends is kept, since it decides how the text's first word is cut: its white space, or where it has
    none its last punctuation.

    Raises:
        InexpressibleError: No draw came out even.
    """
    body = prefix.rstrip() if prefix != prefix.rstrip() else prefix.rstrip(string.punctuation)
    tail = prefix[len(body) :]
    wanted = _token_counts(prefix, vocabulary)
    n_words = max(1, vocabulary.count_tokens(body))
    for attempt in range(_MAX_DRAWS):
        # A vocabulary may spend a token on the space itself; fewer words then come out even.
        n = max(1, n_words - attempt // (_MAX_DRAWS // 4))
        drawn = vocabulary.draw_tokens(n, rng) + tail
        if drawn != prefix and _token_counts(drawn, vocabulary) == wanted:
            return drawn
    raise InexpressibleError(f"no random words of this tokenizer take {wanted[0]} tokens as the prefix {prefix!r} does")


def draw_dose(n_tokens: int, vocabulary: Vocabulary, rng: np.random.Generator) -> str:
    """Random words that add exactly ``n_tokens`` to every text they are put before.

    Raises:
        InexpressibleError: No draw came out even.
    """
    for attempt in range(_MAX_DRAWS):
        n_words = max(1, n_tokens - attempt // (_MAX_DRAWS // 4))
        drawn = vocabulary.draw_tokens(n_words, rng) + " "
        if set(_token_counts(drawn, vocabulary)[1:]) == {n_tokens}:
            return drawn
    raise InexpressibleError(f"no random words of this tokenizer add exactly {n_tokens} tokens to a text")


def _token_counts(prefix: str, vocabulary: Vocabulary) -> tuple[int, ...]:
    in_context = (vocabulary.count_tokens(prefix + probe) - vocabulary.count_tokens(probe) for probe in _PROBES)
    return (vocabulary.count_tokens(prefix), *in_context)


def shuffle_words(prefix: str, rng: np.random.Generator) -> str | None:
    """The same words in another order, everything between them in place; ``None`` where there is only one order."""
    words = _WORD.findall(prefix)
    if len(set(words)) < 2:
        return None
    for _ in range(_MAX_ORDERS):
        order = iter([words[int(i)] for i in rng.permutation(len(words))])
        shuffled = _WORD.sub(lambda _match: next(order), prefix)  # noqa: B023 consumed before the next draw
        if shuffled != prefix:
            return shuffled
    return None


def mangle(prefix: str) -> str | None:
    """The usual slips at once: no trailing space, dot for underscore, lower case; ``None`` where none changes it."""
    mangled = prefix.rstrip().replace("_", ".").lower()
    return mangled if mangled != prefix else None
