"""Every mutation of a model's folder is the vectors sentence-transformers computes from it, or one sentence.

There are more than five hundred; ``N_SAMPLED`` of them are tried, drawn with a seed.
"""

from __future__ import annotations

import copy
import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
import torch
from prefixbench.errors import AuditError, PrefixbenchError
from prefixbench.results import load_run
from prefixbench.run.command import SweepOptions, run_sweep
from prefixbench.run.planning import find_local_folder, make_plan
from prefixbench.run.progress import Progress
from prefixbench.run.session import open_session
from prefixbench.spec.conditions import Condition, Side
from prefixbench.spec.sweep import EncoderSettings, Engine, ModelSpec, SweepSpec, TaskSpec
from sentence_transformers import SentenceTransformer

from tests.tiny_models import TEXTS, make_model

Mutation: TypeAlias = Callable[[Path], None]

FILES = (
    "config.json",
    "modules.json",
    "config_sentence_transformers.json",
    "sentence_bert_config.json",
    "1_Pooling/config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "model.safetensors",
)
TOPS: tuple[Any, ...] = ([], "x", 7, None)
VALUES: tuple[Any, ...] = (None, -1, "x", [], {}, 1e308)
N_SAMPLED = 60
SETTINGS = EncoderSettings(device="cpu", engine=Engine.TORCH, batch_tokens=4096)
CONDITIONS = tuple(Condition.parse(name) for name in ("none", "correct", "placebo"))


def make_spec(*folders: Path) -> SweepSpec:
    return SweepSpec(
        name="folders",
        models=tuple(ModelSpec(name=str(folder)) for folder in folders),
        tasks=(TaskSpec(name="StarterDocRetrieval"),),
        conditions=CONDITIONS,
        encoder=SETTINGS,
    )


def replace_file(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def put_in_place(path: Path, make: Callable[[Path], object]) -> None:
    path.unlink()
    make(path)


def link_nowhere(path: Path) -> None:
    path.symlink_to(path.parent / "gone")


def list_whole(name: str, content: bytes) -> Iterator[tuple[str, Mutation]]:
    """Mutations that know nothing of what the file says."""
    yield f"{name} missing", Path.unlink
    half = content[: len(content) // 2]
    for told, new in (("empty", b""), ("cut in half", half), ("no UTF-8", b"\xff\xfe" + content)):
        yield f"{name} {told}", partial(replace_file, content=new)
    for kind, make in (("a folder", Path.mkdir), ("a pipe", os.mkfifo), ("a link to nowhere", link_nowhere)):
        yield f"{name} {kind}", partial(put_in_place, make=make)
    if name.endswith(".json"):
        for value in TOPS:
            yield f"{name} = {json.dumps(value)}", partial(replace_file, content=json.dumps(value).encode())


def list_keys(name: str, content: bytes) -> Iterator[tuple[str, Mutation]]:
    """Each key dropped, and set to values of other types; of a list, those of its members."""
    said = json.loads(content)
    for index, table in enumerate(said if isinstance(said, list) else [said]):
        for key in table:
            for value in ("dropped", *VALUES):
                changed = copy.deepcopy(said)
                inner = changed[index] if isinstance(said, list) else changed
                if value == "dropped":
                    del inner[key]
                else:
                    inner[key] = value
                where = f"{name}[{index}].{key}" if isinstance(said, list) else f"{name} {key}"
                yield (
                    f"{where} {value if value == 'dropped' else '= ' + json.dumps(value)}",
                    partial(replace_file, content=json.dumps(changed).encode()),
                )


def list_mutations(sound: Path) -> list[tuple[str, str, Mutation]]:
    """File, what is done to it, and what does it."""
    found = []
    for name in FILES:
        content = (sound / name).read_bytes()
        listed = [*list_whole(name, content), *(list_keys(name, content) if name.endswith(".json") else ())]
        found += [(name, told, mutate) for told, mutate in listed]
    return found


def embed_as_a_sweep(folder: Path, cache: Path) -> np.ndarray[Any, Any]:
    """Embed as a sweep's stages do, the audit of what is sent included."""
    model = make_spec(folder).models[0]
    session = open_session(model, SETTINGS, find_local_folder(model, cache), cache, Progress())
    session.embedder.audit(TEXTS, Side("query: "))
    return session.embed(TEXTS, Side("query: "))


def embed_with_the_library(folder: Path) -> np.ndarray[Any, Any]:
    """What sentence-transformers makes of the folder; what is no file, and may never end, is missing."""
    for path in [path for path in folder.rglob("*") if path.is_fifo() or path.is_symlink()]:
        path.unlink()
    for name in FILES:
        if (folder / name).is_dir():
            (folder / name).rmdir()
    loaded = SentenceTransformer(
        str(folder), device="cpu", local_files_only=True, model_kwargs={"dtype": torch.float32}
    )
    return np.asarray(loaded.encode(TEXTS, prompt="query: "))


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("sound"), prompts={"query": "query: ", "document": "passage: "})


def judge(folder: Path, cache: Path) -> str:
    """What is wrong with what came of a folder; empty where nothing is."""
    try:
        make_plan(make_spec(folder), partial(find_local_folder, cache=cache), cache)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - no model may hinder the plan of the others
        return f"cannot be planned, {type(error).__name__}: {error}"
    try:
        vectors = embed_as_a_sweep(folder, cache)
    except PrefixbenchError as error:
        sentence = str(error)
        is_one = sentence.strip() and "\n" not in sentence and "Traceback" not in sentence
        names_it = str(folder) in sentence or isinstance(error, AuditError)  # that its vectors are useless
        return "" if is_one and names_it else f"says {sentence!r}"
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever else comes is a fault
        return f"raises {type(error).__name__}: {error}"
    try:
        own = embed_with_the_library(folder)
    except Exception as error:  # noqa: BLE001
        return f"loads what the library refuses ({type(error).__name__}: {error})"
    return "" if own.shape == vectors.shape and np.allclose(own, vectors, atol=1e-5) else "gives other vectors"


@pytest.mark.timeout(300)
def test_every_mutation_is_the_librarys_vectors_or_a_sentence(sound: Path, tmp_path: Path) -> None:
    assert judge(shutil.copytree(sound, tmp_path / "as it was"), tmp_path / "cache") == ""
    listed = list_mutations(sound)
    wrong = []
    for number, (name, told, mutate) in enumerate(random.Random(0).sample(listed, len(listed))[:N_SAMPLED]):
        folder = shutil.copytree(sound, tmp_path / f"model{number}")
        mutate(folder / name)
        if problem := judge(folder, tmp_path / "cache"):
            wrong.append(f"{told}: {problem}")
        shutil.rmtree(folder)
    assert not wrong, f"{len(wrong)} of {len(listed)}:\n" + "\n".join(wrong)


@pytest.mark.timeout(300)
def test_broken_models_cost_their_own_rows_and_no_others(sound: Path, tmp_path: Path) -> None:
    broken = {"config.json": b"[]", "config_sentence_transformers.json": b'{"prompts": 7}'}
    good = shutil.copytree(sound, tmp_path / "good")
    bad = {str(shutil.copytree(sound, tmp_path / f"broken {name}")): name for name in broken}
    for folder, name in bad.items():
        (Path(folder) / name).write_bytes(broken[name])
    spec = make_spec(*map(Path, bad), good).model_copy(update={"limit": 20})
    n_failed = run_sweep(spec, SweepOptions(tmp_path / "run", tmp_path / "cache", workers=0), Progress())
    run = load_run(tmp_path / "run")
    conditions = {str(condition) for condition in CONDITIONS}
    assert {row.model for row in run.results} == {str(good)}
    assert {condition for row in run.results for condition in row.conditions} == conditions
    assert {row.status for row in run.failures} == {"failed"}
    assert len(run.failures) == n_failed
    for folder in bad:
        rows = [row for row in run.failures if row.model == folder]
        assert {condition for row in rows for condition in row.conditions} == conditions
        for row in rows:
            assert folder in row.reason
            assert "Traceback" not in row.reason
            assert "\n" not in row.reason
