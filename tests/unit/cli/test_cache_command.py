from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from prefixbench.cli.cache import cache_app
from prefixbench.errors import SpecError
from prefixbench.spec.conditions import Side
from prefixbench.vectors import STORE_FOLDER, VectorStore
from prefixbench.vectors.embedder import EmbedderIdentity
from prefixbench.vectors.keys import Namespace, vector_keys
from typer.testing import CliRunner

IDENTITY = EmbedderIdentity("org/model", "abc", "f" * 64, 256, "mean", "float32", "torch")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    store = VectorStore.open(tmp_path / STORE_FOLDER)
    keys = vector_keys(IDENTITY, Side(), ["a", "b"])
    store.put_many(keys, np.arange(1, 9, dtype=np.float32).reshape(2, 4), Namespace.of(IDENTITY, Side()))
    return tmp_path


def test_stats_as_a_table_and_as_one_json_document(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = CliRunner().invoke(cache_app, ["stats", "--cache", str(cache)])
    assert text.exit_code == 0
    assert "org/model" in text.stdout
    monkeypatch.setenv("PREFIXBENCH_CACHE", str(cache))
    document = json.loads(CliRunner().invoke(cache_app, ["stats", "--json"]).stdout)
    assert document["vectors"] == 2


def test_verify_exits_1_where_there_is_damage(cache: Path) -> None:
    arguments = ["verify", "--json", "--cache", str(cache)]
    sound = CliRunner().invoke(cache_app, arguments)
    assert (sound.exit_code, json.loads(sound.stdout)["damage"]) == (0, [])
    path = next(cache.rglob("*.arrow"))
    path.write_bytes(path.read_bytes().replace(np.float32(6).tobytes(), np.float32(7).tobytes()))
    damaged = CliRunner().invoke(cache_app, arguments)
    assert damaged.exit_code == 1
    assert json.loads(damaged.stdout)["damage"][0]["records"] == [1]
    assert CliRunner().invoke(cache_app, arguments).exit_code == 0


def test_prune_tells_what_went(cache: Path) -> None:
    result = CliRunner().invoke(cache_app, ["prune", "--max-size", "0", "--cache", str(cache)])
    assert result.stdout.startswith("2 vectors in 1 segments deleted, ")
    document = json.loads(CliRunner().invoke(cache_app, ["prune", "--json", "--cache", str(cache)]).stdout)
    assert document == {"segments": 0, "vectors": 0, "bytes": 0, "bytes_waiting": 0, "data_sets": 0, "data_bytes": 0}


def test_a_size_that_is_none_is_a_usage_error(cache: Path) -> None:
    result = CliRunner().invoke(cache_app, ["prune", "--max-size", "lots", "--cache", str(cache)])
    assert isinstance(result.exception, SpecError)
    assert list(cache.rglob("*.arrow"))
