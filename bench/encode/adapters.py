"""LoRA adapters: which a model has, and switching one on, or all off, for as long as a side is embedded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bench.encode.network import Network
from bench.errors import InexpressibleError
from bench.spec.conditions import Side

OFF = "none"
"""The adapter's name that switches all off."""


class Adapters:
    """The adapters of one model.

    Args:
        network: The model, adapters loaded.
        names: Adapters its weights hold; a model whose own code switches them names none and takes any.
    """

    def __init__(self, network: Network, names: tuple[str, ...] = ()) -> None:
        self._network = network
        self.names = names

    @contextmanager
    def switched(self, side: Side) -> Iterator[None]:
        """Switch to the side's adapter while inside, then back to the model's own.

        Raises:
            InexpressibleError: The model has no such adapter.
        """
        if side.adapter is None or (not self.names and self._network.takes_task):
            yield
            return
        if side.adapter != OFF and side.adapter not in self.names:
            known = ", ".join(self.names) if self.names else "none"
            raise InexpressibleError(f"the model has no adapter {side.adapter!r}; it has {known}.")
        if not self.names:
            yield
            return
        transformer: Any = self._network.model.transformers_model
        own = list(transformer.active_adapters())
        try:
            if side.adapter == OFF:
                transformer.disable_adapters()
            else:
                transformer.set_adapter(side.adapter)
            yield
        finally:
            transformer.enable_adapters()
            transformer.set_adapter(own if len(own) > 1 else own[0])


def find_adapters(network: Network) -> Adapters:
    """The adapters loaded with a model's weights."""
    configs = getattr(network.model.transformers_model, "peft_config", None) or {}
    return Adapters(network, tuple(sorted(configs)))
