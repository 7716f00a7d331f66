"""Data as people bring them: the score that mteb gives, or a failed cell that says why."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mteb
import pytest
from mteb.models.sentence_transformer_wrapper import SentenceTransformerEncoderWrapper
from prefixbench.plan.place import Place
from prefixbench.run.executor import Failure, Job, Worker
from prefixbench.run.stages import ScoredCell, encode_cell, forget, list_place_texts, score_stored_cell
from prefixbench.spec.conditions import PrefixPair, Side
from prefixbench.spec.sweep import ModelSpec
from prefixbench.spec.tasks import ROLE_TASK_TYPES
from sentence_transformers import SentenceTransformer

from tests.faithful import tasks
from tests.faithful.data_rows import FAILS, REFUSED, ROWS, DataRow
from tests.faithful.kinds import AXES, Kind, build_kind
from tests.faithful.test_models import make_cell

pytestmark = pytest.mark.filterwarnings("ignore")  # odd data are warned of, and warnings are no outcome

PAIR = PrefixPair(Side("query: "), Side("passage: "))
KIND = Kind(**{axis: "static" if axis == "network" else values[0] for axis, values in AXES.items()})


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that gives an empty text a vector of zeros."""
    return build_kind(KIND, tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def library(model: Path) -> SentenceTransformer:
    return SentenceTransformer(str(model), device="cpu")


@pytest.fixture
def task(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The row's task as a class that a sweep can import, by name."""
    row: DataRow = request.param

    def load_data(self: Any, **_: Any) -> None:
        vars(self).update(dataset=row.make(), data_loaded=True)

    name = f"Rows{row.base.__name__}"
    metadata = row.base.metadata.model_copy(update={"name": name, "eval_splits": ["test"]})
    made = type(name, (row.base,), {"metadata": metadata, "load_data": load_data, "n_experiments": 2})
    monkeypatch.setattr(tasks, name, made, raising=False)
    yield name
    forget(f"task {name}")


@pytest.mark.parametrize(("name", "task"), list(ROWS.items()), ids=list(ROWS), indirect=["task"])
def test_the_score_is_mtebs_or_the_cell_says_why(
    name: str, task: str, library: SentenceTransformer, model: Path, cache: Path
) -> None:
    expected, found = evaluate_directly(task, library), score_cell(task, model, cache)
    if name in FAILS | REFUSED:
        assert isinstance(expected, str if name in FAILS else float)
        assert isinstance(found, Failure)
        assert (FAILS | REFUSED)[name] in found.reason
        assert "\n" not in found.reason
    else:
        assert isinstance(found, ScoredCell), found
        assert found.score == pytest.approx(expected, abs=1e-5)
        assert found.items.n_items > 0


def score_cell(task: str, folder: Path, cache: Path) -> ScoredCell | Failure:
    """The three stages of a cell as an executor runs them; the first failure ends it."""
    cell = make_cell(ModelSpec(name=str(folder)), task, PAIR)
    place = Place.of(cell)
    texts = run(list_place_texts, place)
    if isinstance(texts, Failure):
        return texts
    encoded = run(encode_cell, cell, texts, cache)
    if isinstance(encoded, Failure):
        return encoded
    found: ScoredCell | Failure = run(score_stored_cell, encoded.cell, place, encoded.known, cache, None)
    return found


def run(stage: Callable[..., Any], *arguments: Any) -> Any:
    return Job(stage, arguments, Worker.SCORER, "").run()


def evaluate_directly(task: str, library: SentenceTransformer) -> float | str:
    """The main score that ``mteb.evaluate`` gives, or what it raises."""
    found = getattr(tasks, task)()
    roles = {"query": "query: ", "document": "passage: "}
    prompts = roles if found.metadata.type in ROLE_TASK_TYPES else {**roles, found.metadata.type: "query: "}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wrapped = SentenceTransformerEncoderWrapper(library, model_prompts=prompts)
        try:
            result = mteb.evaluate(wrapped, found, cache=None, co2_tracker=False, show_progress_bar=False)
            score = float(result.task_results[0].scores["test"][0]["main_score"])
        except Exception as error:  # noqa: BLE001 - whatever it is, it is its outcome
            return f"{type(error).__name__}: {error}"
    return "not a number" if math.isnan(score) else score
