"""Own data of every shape, from files to scores, against plain mteb over the same task."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mteb
import prefixbench as pb
import pytest
from mteb.models.sentence_transformer_wrapper import SentenceTransformerEncoderWrapper
from prefixbench.data import load_data_task
from prefixbench.run.planning import make_plan
from prefixbench.spec.load import Overrides, load_sweep
from prefixbench.spec.tasks import ROLE_TASK_TYPES, TaskFacts
from sentence_transformers import SentenceTransformer
from threadpoolctl import threadpool_limits

from tests.score_fakes import draw_texts
from tests.tiny_models import make_model
from tests.unit.data.test_read_data import ROWS, make_beir, write_jsonl, write_parquet, write_separated

pytestmark = pytest.mark.filterwarnings("ignore")

N_ROWS = 36
LABELS = ("billing", "shipping", "other")
QUERY, DOCUMENT = "ask: ", "told: "


def make_files(folder: Path) -> dict[str, Path]:
    """One file, or folder, of every shape, in four formats; the second texts share 4 to 1 words with the first."""
    one, two, three = (draw_texts(N_ROWS, seed, n_words=4) for seed in range(3))
    two = [
        " ".join([*a.split()[: 4 - n % 4], *b.split()[: n % 4]]) for n, (a, b) in enumerate(zip(one, two, strict=True))
    ]
    rows = list(enumerate(zip(one, two, three, strict=True)))
    documents = [{"_id": f"d{n}", "title": f"On {a}", "text": b} for n, (a, b, _) in rows]
    queries = [{"_id": f"q{n}", "text": c} for n, (_, _, c) in rows]
    return {
        "beir": make_beir(folder / "beir", corpus=documents, queries=queries),
        "Retrieval": write_jsonl(folder / "retrieval.jsonl", [{"query": a, "positive": b} for _, (a, b, _) in rows]),
        "Reranking": write_jsonl(
            folder / "reranking.jsonl",
            [{"query": a, "positive": [b], "negatives": [c, f"{c} {b}"]} for _, (a, b, c) in rows],
        ),
        "STS": write_parquet(
            folder / "sts.parquet", [{"sentence1": a, "sentence2": b, "score": 4 - n % 4} for n, (a, b, _) in rows]
        ),
        "PairClassification": write_separated(
            folder / "pairs.csv", [{"text1": a, "text2": b, "label": n % 2} for n, (a, b, _) in rows]
        ),
        "BitextMining": write_separated(folder / "bitext.tsv", [{"source": a, "target": b} for _, (a, b, _) in rows]),
        "Clustering": write_jsonl(
            folder / "clustering.jsonl", [{"text": a, "cluster": LABELS[n % 3]} for n, (a, _, _) in rows]
        ),
        "Classification": write_jsonl(
            folder / "classification.jsonl", [{"text": a, "label": LABELS[n % 3]} for n, (a, _, _) in rows]
        ),
        "MultilabelClassification": write_jsonl(
            folder / "multilabel.jsonl",
            [{"text": a, "label": [LABELS[n % 3], LABELS[n // 3 % 3]]} for n, (a, _, _) in rows],
        ),
    }


Swept = tuple[dict[str, TaskFacts], dict[str, float], SentenceTransformerEncoderWrapper]


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swept]:
    """Facts of each shape's task, its score with a prefix, and a model of plain mteb's that sends the same."""
    folder = tmp_path_factory.mktemp("own")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFIXBENCH_CACHE", str(folder / "cache"))
        files = make_files(folder)
        model = str(make_model(folder / "model"))
        chosen: Any = {
            "models": [model],
            "data": [{"path": str(path), "name": shape} for shape, path in files.items()],
            "conditions": ["none", "custom:mine"],
            "prefixes": [f'mine:query="{QUERY}",document="{DOCUMENT}"'],
            "engine": "torch",
        }
        run = pb.sweep(results=folder / "run", cache=folder / "cache", workers=0, **chosen).run
        spec = load_sweep(None, None, Overrides(models=(model,), data=tuple(chosen["data"])))
        facts = {task.name: task for task in make_plan(spec, lambda _: None)[0].tasks}
        assert not run.failures
        loaded = SentenceTransformer(model, device="cpu")
        symmetric = {one.task_type: QUERY for one in facts.values() if one.task_type not in ROLE_TASK_TYPES}
        prompts = {"query": QUERY, "document": DOCUMENT, **symmetric}
        plain = SentenceTransformerEncoderWrapper(loaded, model_prompts=prompts)
        yield facts, {row.task: row.score for row in run.results if "custom:mine" in row.conditions}, plain


@pytest.mark.parametrize("shape", ["beir", *ROWS])
def test_every_shape_scores_as_in_plain_mteb(swept: Swept, shape: str) -> None:
    facts, scores, plain = swept
    assert facts[shape].task_type == ("Retrieval" if shape == "beir" else shape)
    task = load_data_task(facts[shape])
    with threadpool_limits(1):  # more threads than cores take minutes for a few clusters
        result = mteb.evaluate(plain, task, cache=None, co2_tracker=False, show_progress_bar=False)
    expected = result.task_results[0].scores["test"][0]["main_score"]
    assert 0 < expected < 1
    assert scores[shape] == pytest.approx(expected, abs=1e-6)


CODE = """
from prefixbench.data import describe_data, expand_data
from prefixbench.errors import PrefixbenchError
from prefixbench.spec.sweep import DataSpec
for path in {paths!r}:
    try:
        print(describe_data(expand_data([DataSpec(path=path)])[0]))
    except PrefixbenchError as error:
        print(type(error).__name__, error)
"""


@pytest.mark.hub
def test_data_on_a_hub_are_read_by_their_address(hub_endpoint: str, tmp_path: Path) -> None:
    address = "hf://datasets/mteb"
    paths = [
        f"{address}/stsbenchmark-sts",
        f"{address}/stsbenchmark-sts/data/validation.parquet",
        f"{address}/banking77",
        f"{address}/stsbenchmark-sts/data/absent.parquet",
        f"{address}/no-such-data",
    ]
    environment = {**os.environ, "HF_ENDPOINT": hub_endpoint, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "0"}
    environment["PREFIXBENCH_CACHE"] = str(tmp_path / "cache")
    code = CODE.format(paths=paths)  # a process of its own: the hub's address is read when its client is imported
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    sts, validation, banking, absent, none = done.stdout.splitlines()
    assert sts.startswith(
        f"{paths[0]}: STS task 'stsbenchmark-sts' (first = sentence1, second = sentence2, score = score;"
    )
    assert "rows: 1,379 test" in sts
    assert "rows: 1,500 test" in validation
    assert "Classification task 'banking77'" in banking
    assert "train" in banking
    assert absent == f"SpecError {paths[3]}: the repository has no such file or folder."
    assert none == f"SpecError {paths[4]}: there is no such repository, or it is not yours to read."
