"""Which strings a model gets for a task under a condition, and where they come from."""

from bench.prefixes.book import PrefixBook
from bench.prefixes.sources import Resolution, SideSource
from bench.prefixes.vocabulary import TokenizerVocabulary, Vocabulary

__all__ = ["PrefixBook", "Resolution", "SideSource", "TokenizerVocabulary", "Vocabulary"]
