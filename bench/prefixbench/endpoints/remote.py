"""An endpoint behind the ``Embedder`` contract, and what its probes found of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prefixbench.endpoints.exchange import Exchange
from prefixbench.endpoints.proof import INERT, PROBE_TEXTS, Probe, describe_side, measure_distance
from prefixbench.endpoints.settings import EndpointSettings
from prefixbench.endpoints.tokens import LocalTokenizer, TokenTally
from prefixbench.errors import AuditError, InertError
from prefixbench.spec.conditions import Side
from prefixbench.vectors.embedder import Inputs, KnownModel, Vectors


@dataclass
class RemoteEmbedder:
    """A served model.

    Attributes:
        known: What it turned out to be.
        probe: Speaks to it, and remembers what was found.
        found: Facts that stay as long as the model does.
        bare_vectors: Of the probe's texts, sent bare, shape ``(3, dim)``.
        tokenizer: That of the model it is like, where its files are at hand.
        repeat_distance: 1 − cosine of one text sent twice.
        tally: Tokens by both counts, over every request since the model was first seen.
        levers: 1 − cosine by which each side that was asked for moves the probe's vectors.
    """

    known: KnownModel
    probe: Probe
    found: dict[str, Any]
    bare_vectors: Vectors
    tokenizer: LocalTokenizer | None = None
    repeat_distance: float = 0.0
    tally: TokenTally = field(default_factory=TokenTally)
    levers: dict[Side, float] = field(default_factory=dict)

    @property
    def settings(self) -> EndpointSettings:
        """Which endpoint."""
        return self.probe.client.settings

    @property
    def hidden_tokens(self) -> int:
        """Tokens the endpoint adds to every text by itself."""
        return int(self.found["hidden_tokens"] or 0)

    @property
    def tokens_used(self) -> int:
        """Tokens the endpoint billed so far."""
        return self.probe.account.tokens

    def read(self, texts: Sequence[str], side: Side, titles: Sequence[str] | None = None) -> Inputs:
        """Put the prefix before each text; what the endpoint makes of it is out of sight. Raises as ``check_side``."""
        self.check_side(side)
        return Inputs.of(texts, side, titles)

    def check_side(self, side: Side) -> None:
        """Refuse what cannot be sent as it is meant.

        Raises:
            InexpressibleError: This kind of endpoint cannot be told the side.
            AuditError: The endpoint puts a prompt of its own before every text.
        """
        self.settings.backend.check_side(side)
        if self.hidden_tokens and not side.api:
            raise AuditError(
                f"{self.settings.place} puts {self.hidden_tokens} tokens of its own before every text of "
                f"{self.settings.model}: nothing can be sent bare, and a prefix would stand behind them. "
                f"See what it does with: prefixbench doctor --endpoint {self.settings.url}"
            )

    def embed(self, inputs: Inputs) -> Vectors:
        """Embed what was read, in its order; see ``Embedder.embed``."""
        vectors = np.empty((len(inputs.texts), self.known.dim), dtype=np.float32)
        for places, block in self.arrive(inputs):
            vectors[places] = block
        return vectors

    def arrive(self, inputs: Inputs) -> Iterator[tuple[NDArray[np.intp], Vectors]]:
        """Vectors the moment they are there, with the places of their texts; each text comes once.

        Raises:
            AuditError: A reply does not belong to its request.
            EndpointError: The endpoint failed after every retry.
            EncodeError: Some texts were refused, or got a NaN; all others have come.
            BudgetError: The next request might pass a limit; all that was paid for has come.
        """
        if not len(inputs.texts):
            return iter(())
        return Exchange(self, inputs).run()

    def prove_levers(self, sides: Collection[Side]) -> tuple[str, ...]:
        """Show that what a cell sends moves vectors; asks the endpoint once a side.

        Args:
            sides: All sides of the cell.

        Returns:
            A sentence on each side that moves nothing, where another does.

        Raises:
            InertError: None of them moves anything: nothing would be measured.
            InexpressibleError: As ``check_side``.
            AuditError: As ``check_side``.
        """
        for side in sides:
            self.check_side(side)
        told = [side for side in dict.fromkeys(sides) if side != self.settings.backend.contrast_of(side)]
        inert = [side for side in told if self.is_inert(self.measure_lever(side))]
        if inert and len(inert) == len(told):
            raise InertError(f"{self._describe_inert(inert[0])}; nothing was measured.")
        return tuple(f"Inert: {self._describe_inert(side)}." for side in inert)

    def _describe_inert(self, side: Side) -> str:
        contrast = self.settings.backend.contrast_of(side)
        return (
            f"{describe_side(side)} and {describe_side(contrast)} give the same vectors of {self.settings.model}, "
            f"{self.settings.place} (1 − cosine {self.levers[side]:.2g})"
        )

    def measure_lever(self, side: Side) -> float:
        """1 − cosine between the probe's vectors under a side and under its contrast.

        A lever that moved something is asked of the endpoint once for as long as the model stays; one that moved
        nothing, once an opening, since vendors mend such things without changing the model.
        """
        contrast = self.settings.backend.contrast_of(side)
        if side == contrast:
            return 0.0
        if side not in self.levers:
            told = describe_side(side)
            known = self.found["levers"].get(told)
            self.levers[side] = self._ask_lever(side, told) if known is None or self.is_inert(known) else float(known)
        return self.levers[side]

    def _ask_lever(self, side: Side, told: str) -> float:
        contrast = self.settings.backend.contrast_of(side)
        bare = self.settings.backend.bare_side
        against = self.bare_vectors if contrast == bare else self.probe.send(PROBE_TEXTS, contrast)
        distance = measure_distance(self.probe.send(PROBE_TEXTS, side), against)
        sent = tuple(side.prefix_for() + text for text in PROBE_TEXTS)
        self.found["levers"][told] = distance
        self.found.setdefault("lever_tokens", {})[told] = self.probe.count_extra(sent, self.tokenizer)
        self.probe.remember(self.found)
        return distance

    def count_added(self, side: Side) -> int | None:
        """Tokens that the endpoint adds to a text sent with a side, as the probe found; ``None`` where it did not."""
        is_text = not side.api or side == self.settings.backend.bare_side
        added: int | None = (
            self.found.get("extra_tokens") if is_text else self.found.get("lever_tokens", {}).get(describe_side(side))
        )
        return added

    def is_inert(self, distance: float) -> bool:
        """Whether vectors that far apart are the same, for an endpoint that is no more exact than this one."""
        return distance <= max(INERT, 3 * self.repeat_distance)

    def keep_tally(self) -> None:
        """Remember what was counted; a kill loses the counts of one call."""
        if self.tally.requests:
            self.found["tally"] = asdict(self.tally)
            self.probe.remember(self.found)

    def close(self) -> None:
        """Close its connections."""
        self.probe.client.close()
