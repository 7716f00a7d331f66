"""How a trained twin was made, kept beside its weights, so that another recipe's twin is never taken for it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from prefixbench.errors import SpecError
from prefixbench.files import read_object, write_bytes
from prefixbench.twins.config import TwinConfig

RECIPE = "recipe.json"


@dataclass(frozen=True, slots=True)
class Recipe:
    """What decides a twin's weights, apart from its variant and seed, which its name tells.

    Attributes:
        steps: Batches of all tasks together.
        digest: sha256 of every number of the configuration, and of where the pairs are from.
    """

    steps: int
    digest: str

    @classmethod
    def of(cls, config: TwinConfig, data: Sequence[str]) -> Recipe:
        """The recipe of a configuration, trained on these sources of pairs (none: the training packages)."""
        content = config.model_dump(mode="json", exclude={"name", "seeds"}) | {"data": list(data)}
        digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        return cls(config.optimiser.steps, digest)


def write_recipe(folder: Path, recipe: Recipe) -> None:
    """Write the recipe of a twin whose files are all there; until then it counts as not trained."""
    write_bytes(folder / RECIPE, json.dumps(asdict(recipe)).encode() + b"\n")


def check_recipes(twins: Sequence[Path], recipe: Recipe) -> None:
    """Refuse to go on where a folder holds a twin that another recipe made.

    Raises:
        SpecError: Names every such folder.
    """
    faults = []
    for folder in twins:
        for path in sorted(folder.rglob(RECIPE)):
            made = read_object(path)
            if made != asdict(recipe):
                how = f"{made['steps']} steps" if made.get("steps") not in {None, recipe.steps} else "another recipe"
                faults.append(
                    f"{path.parent}: was trained with {how}, and this asks for {recipe.steps} steps of its own recipe; "
                    "remove the folder, or name another with --output."
                )
    if faults:
        raise SpecError(faults)
