from __future__ import annotations

import json

import pytest
from prefixbench.starter import embedded_models, locate_model
from prefixbench.starter.adapters import PROMPTS, adapters_folder, list_adapters
from prefixbench.starter.models import check_weights
from prefixbench.twins.config import load_twin_config

SHIPPED = (
    "prefixbench/minilm-adapters",
    "prefixbench/minilm-adapters-prefix",
    "prefixbench/minilm-plain",
    "prefixbench/minilm-plain-seed2",
    "prefixbench/minilm-plain-seed3",
    "prefixbench/minilm-prefixed",
    "prefixbench/minilm-prefixed-seed2",
    "prefixbench/minilm-prefixed-seed3",
)


def test_every_twin_ships() -> None:
    assert tuple(list_adapters()) == SHIPPED
    assert set(SHIPPED) <= set(embedded_models())
    assert {folder.name for folder in adapters_folder().iterdir() if folder.is_dir()} == {
        name.partition("/")[2] for name in list_adapters()
    }


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_weights_are_those_of_the_checksum_file(name: str) -> None:
    adapter = list_adapters()[name]
    for file, digest in adapter.digests.items():
        check_weights(name, adapter.folder / file, digest)
        assert (adapter.folder / file).stat().st_size < 2_000_000
        assert "license: apache-2.0" in (adapter.folder / file).with_name("README.md").read_text(encoding="utf-8")


def test_prompts_are_those_trained_with(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = locate_model("prefixbench/minilm-prefixed", tmp_path_factory.mktemp("models"))
    assert folder is not None
    assert json.loads((folder / PROMPTS).read_text(encoding="utf-8"))["prompts"] == load_twin_config().prompts()
