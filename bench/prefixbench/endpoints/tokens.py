"""The tokenizer of the model an endpoint is said to serve, to compare what it counts with what was sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@dataclass
class TokenTally:
    """Tokens by two counts, over the requests where both are known.

    Attributes:
        requests: Requests counted.
        sent: As the local tokenizer counts them, with what the endpoint adds to each text.
        reported: As the endpoint counts them.
        short_requests: Requests of which it counted fewer: it cut a text.
        long_requests: Requests of which it counted more: it added something.
    """

    requests: int = 0
    sent: int = 0
    reported: int = 0
    short_requests: int = 0
    long_requests: int = 0

    def add(self, sent: int, reported: int) -> None:
        """Count one request."""
        self.requests += 1
        self.sent += sent
        self.reported += reported
        self.short_requests += reported < sent
        self.long_requests += reported > sent

    def since(self, before: TokenTally) -> TokenTally:
        """What was counted after another tally was taken."""
        return TokenTally(*(now - then for now, then in zip(astuple(self), astuple(before), strict=True)))

    def describe(self, place: str) -> Iterator[str]:
        """A sentence where tokens were lost or added."""
        told = f"by {place}'s own count {self.reported:,} tokens for the {self.sent:,} that were sent"
        if self.short_requests:
            yield (
                f"Cut: {self.short_requests:,} of {self.requests:,} requests were read with fewer tokens than they "
                f"held; {told}."
            )
        if self.long_requests:
            yield (
                f"Added to: {self.long_requests:,} of {self.requests:,} requests were read with more tokens than they "
                f"held; {told}."
            )


class LocalTokenizer:
    """Counts tokens as the model's own tokenizer does, special tokens included, untruncated."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer

    @classmethod
    def load(cls, path: Path) -> LocalTokenizer:
        """From the file of a model's tokenizer, ``tokenizer.json``."""
        from tokenizers import Tokenizer

        return cls(Tokenizer.from_file(str(path)))

    def encode(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        """Token ids of each text."""
        return [tuple(row.ids) for row in self._tokenizer.encode_batch(list(texts))]

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text."""
        return [len(row) for row in self._tokenizer.encode_batch_fast(list(texts))]
