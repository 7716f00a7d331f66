"""What a sweep spends at endpoints, and the limits it must not pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from prefixbench.errors import BudgetError, SpecError

MARGIN = 1.25
"""How far above the dearest text so far a text that is not yet counted is put."""

FEWEST_TOKENS = 16
"""What a request is put at least, for special tokens and prompts of the endpoint's own."""


@dataclass
class Meter:
    """Tokens and money of one sweep, over all its endpoints.

    Attributes:
        max_tokens: Tokens that may be spent; no limit where ``None``.
        max_cost: Money that may be spent, in the currency of the prices.
        tokens: Tokens spent so far.
        cost: Money spent so far.
        requests: Requests answered so far.
    """

    max_tokens: int | None = None
    max_cost: float | None = None
    tokens: int = 0
    cost: float = 0.0
    requests: int = 0
    _reserved_tokens: int = 0
    _reserved_cost: float = 0.0

    def open_account(self, model: str, price: float | None) -> Account:
        """An account for one model.

        Raises:
            SpecError: Money is limited and the model has no price.
        """
        if self.max_cost is not None and price is None:
            raise SpecError(
                f"{model}: --max-cost needs to know what it costs; give price_per_million_tokens (0 where it is free)."
            )
        return Account(self, price or 0.0)

    def describe(self) -> str:
        """A sentence for the end of a sweep."""
        cost = f", {self.cost:.4g} in money" if self.cost else ""
        return f"endpoints: {self.requests:,} requests, {self.tokens:,} tokens{cost}"

    def reserve(self, tokens: int, cost: float) -> None:
        """Set tokens and money aside for a request.

        Raises:
            BudgetError: A limit might be passed.
        """
        if self.max_tokens is not None and self.tokens + self._reserved_tokens + tokens > self.max_tokens:
            raise BudgetError(
                f"stopped before --max-tokens {self.max_tokens} would be passed: {self.tokens} tokens are spent. "
                "What was paid for is stored; run again to go on."
            )
        if self.max_cost is not None and self.cost + self._reserved_cost + cost > self.max_cost:
            raise BudgetError(
                f"stopped before --max-cost {self.max_cost:g} would be passed: {self.cost:.4g} is spent. "
                "What was paid for is stored; run again to go on."
            )
        self._reserved_tokens += tokens
        self._reserved_cost += cost

    def settle(self, reserved: tuple[int, float], spent: tuple[int, float]) -> None:
        """Turn what was set aside into what was spent; nothing for a request that failed."""
        self._reserved_tokens -= reserved[0]
        self._reserved_cost -= reserved[1]
        self.tokens += spent[0]
        self.cost += spent[1]
        self.requests += spent[0] > 0


class Account:
    """One model's share of the meter; learns how many tokens a byte takes.

    Args:
        meter: Of the sweep.
        price: Money for a million tokens.
    """

    def __init__(self, meter: Meter, price: float) -> None:
        self.meter = meter
        self.price = price
        self.tokens = 0
        self._dearest = 0.0

    def reserve(self, texts: Sequence[str]) -> tuple[int, float]:
        """Set aside what these texts may take at most; a token is never less than a byte.

        Raises:
            BudgetError: A limit might be passed.
        """
        n_bytes = _count_bytes(texts)
        rate = min(1.0, self._dearest * MARGIN) if self._dearest else 1.0
        tokens = FEWEST_TOKENS + int(n_bytes * rate) + 2 * len(texts)
        reserved = (tokens, self.price * tokens / 1e6)
        self.meter.reserve(*reserved)
        return reserved

    def settle(self, reserved: tuple[int, float], texts: Sequence[str], tokens: int | None) -> None:
        """Record what a request took; an endpoint that does not say is taken to have taken all that was set aside."""
        spent = reserved[0] if tokens is None else tokens
        self.tokens += spent
        if tokens is not None:
            self._dearest = max(self._dearest, tokens / max(1, _count_bytes(texts)))
        self.meter.settle(reserved, (spent, self.price * spent / 1e6))

    def release(self, reserved: tuple[int, float]) -> None:
        """Take back what was set aside for a request that failed."""
        self.meter.settle(reserved, (0, 0.0))


def _count_bytes(texts: Sequence[str]) -> int:
    return sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)
