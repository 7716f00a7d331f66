"""LoRA adapters: which a model has, and switching one on, or all off, for as long as a side is embedded."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prefixbench.encode.network import Network
from prefixbench.errors import InexpressibleError
from prefixbench.spec.conditions import Side

ADAPTER_FILE = "adapter_config.json"

OFF = "none"
"""The adapter's name that switches all off."""


class Adapters:
    """The adapters of one model.

    Args:
        network: The model, adapters loaded.
        names: Adapters its weights hold; a model whose own code switches them names none and takes any.
        default: The one that is on where a side names none; ``none`` for all off.
    """

    def __init__(self, network: Network, names: tuple[str, ...] = (), default: str = OFF) -> None:
        self._network = network
        self.names = names
        self.default = default

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
        try:
            self._switch(side.adapter)
            yield
        finally:
            self._switch(self.default)

    def _switch(self, name: str) -> None:
        if not self.names:
            return
        transformer: Any = self._network.model.transformers_model
        if name == OFF:
            transformer.disable_adapters()
        else:
            transformer.enable_adapters()
            transformer.set_adapter(name)


def find_adapters(network: Network, folder: Path) -> Adapters:
    """The adapters loaded with a model's weights, and those that subfolders of its folder hold, under their names."""
    if network.takes_task:
        return Adapters(network)
    model = network.model
    own = tuple(getattr(model.transformers_model, "peft_config", None) or ())
    places = sorted(path.parent for path in folder.rglob(ADAPTER_FILE) if path.parent != folder)
    with warnings.catch_warnings():
        # Several adapters in one model are meant, and peft's reads of deprecated names are not ours to mend.
        warnings.filterwarnings("ignore", message="Already found a `peft_config`")
        warnings.simplefilter("ignore", FutureWarning)
        for place in places:
            if place.name not in own:
                model.load_adapter(str(place), adapter_name=place.name)
    adapters = Adapters(network, tuple(sorted({*own, *(place.name for place in places)})), own[0] if own else OFF)
    with adapters.switched(Side(adapter=adapters.default)):
        return adapters
