"""Which strings a model gets for a task under a condition, and where they come from."""

from prefixbench.prefixes.book import PrefixBook
from prefixbench.prefixes.sources import Resolution, SideSource
from prefixbench.prefixes.vocabulary import TokenizerVocabulary, Vocabulary

__all__ = ["PrefixBook", "Resolution", "SideSource", "TokenizerVocabulary", "Vocabulary"]
