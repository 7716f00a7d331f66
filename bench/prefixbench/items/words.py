"""Words of texts, and how many of them two texts share."""

from __future__ import annotations

import re

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+")
"""Letters and digits that stand together; in scripts written without spaces, and in Hangul, every sign."""


def list_words(text: str) -> list[str]:
    """The words of a text in small letters, in order."""
    return _WORD.findall(text.lower())


def share_words(first: str, second: str) -> float:
    """Jaccard's index of two texts: the share of all their distinct words that stand in both."""
    one, other = {*list_words(first)}, {*list_words(second)}
    return len(one & other) / max(1, len(one | other))


def find_words(query: str, text: str) -> float:
    """The share of a query's distinct words that stand in a text."""
    words = {*list_words(query)}
    return len(words & {*list_words(text)}) / max(1, len(words))
