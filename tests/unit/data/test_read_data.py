"""Own data: what is guessed, what becomes of it, and what is said of faulty files."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prefixbench.data import describe_data, expand_data, load_data_task
from prefixbench.data.upkeep import prune_data
from prefixbench.errors import CacheError, SpecError
from prefixbench.run.loading import load_task
from prefixbench.spec.sweep import DataSpec
from prefixbench.spec.tasks import TaskFacts

LABELS = ("billing", "shipping")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFIXBENCH_CACHE", str(tmp_path / "cache"))


def write_jsonl(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def write_separated(path: Path, rows: list[dict[str, Any]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter="\t" if path.suffix == ".tsv" else ",")
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_parquet(path: Path, rows: list[dict[str, Any]]) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def expand_one(path: Path, **told: Any) -> TaskFacts:
    (facts,) = expand_data([DataSpec(path=str(path), **told)])
    return facts


def load_retrieval(facts: TaskFacts) -> Any:
    dataset = load_data_task(facts).dataset
    assert dataset is not None
    return dataset["default"]["test"]


def make_pairs(n: int = 12) -> list[dict[str, Any]]:
    return [{"question": f"what is {n}?", "answer": f'it is\n{n}, "so" to say; é'} for n in range(n)]


@pytest.mark.parametrize(
    ("name", "write"),
    [("a.jsonl", write_jsonl), ("a.csv", write_separated), ("a.tsv", write_separated), ("a.parquet", write_parquet)],
)
def test_equal_data_have_one_revision_in_every_format(
    tmp_path: Path, name: str, write: Callable[[Path, list[dict[str, Any]]], Path]
) -> None:
    reference = expand_one(write_jsonl(tmp_path / "reference" / "pairs.jsonl", make_pairs()))

    facts = expand_one(write(tmp_path / name, make_pairs()))

    assert (facts.task_type, facts.main_score, facts.source) == ("Retrieval", "ndcg_at_10", "data")
    assert facts.dataset_revision == reference.dataset_revision
    assert load_retrieval(facts)["corpus"]["text"][3] == 'it is\n3, "so" to say; é'


def test_changed_data_have_another_revision(tmp_path: Path) -> None:
    before = expand_one(write_jsonl(tmp_path / "pairs.jsonl", make_pairs()))
    after = expand_one(write_jsonl(tmp_path / "pairs.jsonl", make_pairs(13)))

    assert before.dataset_revision != after.dataset_revision


ROWS: dict[str, Callable[[int], dict[str, Any]]] = {
    "Retrieval": lambda n: {"query": f"q{n}", "positive": f"p{n // 2}"},
    "Reranking": lambda n: {"query": f"q{n}", "positive": [f"p{n}", f"r{n}"], "negatives": [f"n{n}", f"m{n}"]},
    "STS": lambda n: {"sentence1": f"a{n}", "sentence2": f"b{n}", "score": n / 4},
    "PairClassification": lambda n: {"sentence1": f"a{n}", "sentence2": f"b{n}", "label": n % 2},
    "BitextMining": lambda n: {"source": f"a{n}", "target": f"b{n}"},
    "Clustering": lambda n: {"text": f"a{n}", "cluster": LABELS[n % 2]},
    "Classification": lambda n: {"text": f"a{n}", "label": LABELS[n % 2]},
    "MultilabelClassification": lambda n: {"text": f"a{n}", "label": [LABELS[n // 2 % 2], "all"]},
}


@pytest.mark.parametrize("task_type", ROWS)
def test_every_layout_is_told_from_its_columns(tmp_path: Path, task_type: str) -> None:
    facts = expand_one(write_jsonl(tmp_path / "own.jsonl", [ROWS[task_type](n) for n in range(40)]))

    assert facts.task_type == task_type
    task = load_data_task(facts)
    assert task.metadata.main_score == facts.main_score
    assert task.metadata.revision == facts.dataset_revision


def test_a_guess_is_shown(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "help desk.jsonl", make_pairs())

    facts = expand_one(path, languages=("deu-Latn",))

    assert describe_data(facts) == (
        f"{path}: Retrieval task 'help-desk' (query = question, passage = answer; "
        f"rows: 12 qrels, 12 corpus, 12 queries; deu-Latn; revision {facts.dataset_revision[:8]})"
    )


def make_beir(folder: Path, **changed: list[dict[str, Any]]) -> Path:
    files = {
        "corpus": [{"_id": f"d{n}", "title": "", "text": f"text {n}"} for n in range(20)],
        "queries": [{"_id": f"q{n}", "text": f"query {n}"} for n in range(12)],
    } | changed
    for name in ("corpus", "queries"):
        write_jsonl(folder / f"{name}.jsonl", files[name])
    (folder / "qrels").mkdir()
    qrels = changed.get("qrels") or [{"query-id": f"q{n}", "corpus-id": f"d{n}", "score": 1} for n in range(12)]
    write_separated(folder / "qrels" / "test.tsv", qrels)
    return folder


def test_beir_keeps_ids_and_leaves_empty_titles_out(tmp_path: Path) -> None:
    split = load_retrieval(expand_one(make_beir(tmp_path / "beir")))

    assert split["corpus"].column_names == ["id", "text"]
    assert split["queries"][0] == {"id": "q0", "text": "query 0"}
    assert split["relevant_docs"]["q3"] == {"d3": 1}


def test_all_faults_are_told_at_once_with_file_line_and_count(tmp_path: Path) -> None:
    folder = make_beir(
        tmp_path / "beir",
        corpus=[
            {"_id": "d1", "text": "x"},
            {"_id": "d1", "text": "y"},
            {"_id": "d2", "text": " "},
            {"_id": "d3", "text": 7},
        ],
        qrels=[
            {"query-id": "q1", "corpus-id": "d1", "score": 1},
            *({"query-id": "q2", "corpus-id": f"z{n}", "score": 1} for n in range(3)),
        ],
    )

    with pytest.raises(SpecError) as caught:
        expand_one(folder)

    assert caught.value.faults == (
        f"{folder}/corpus.jsonl, line 2: the id stands further up already.",
        f"{folder}/corpus.jsonl, line 3: the text is empty.",
        f"{folder}/corpus.jsonl, line 4: the text is a number, not text.",
        f"{folder}/qrels/test.tsv, line 3: judges a document that is not in the corpus (3 times in this file).",
    )


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b'{"text": "caf\xe9"}\n', "line 1: holds bytes that are not UTF-8, the first at column 14."),
        ('{"text": "x"}'.encode("utf-16"), "line 1: is written in UTF-16; save it as UTF-8."),
        (b"{]\n", "line 1: is not JSON (expecting property name enclosed in double quotes)."),
        (b"[1]\n", "line 1: holds no JSON object."),
        (b"", "holds no rows."),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, content: bytes, fault: str) -> None:
    path = tmp_path / "own.jsonl"
    path.write_bytes(content)

    with pytest.raises(SpecError) as caught:
        expand_one(path)

    separator = ", " if fault.startswith("line") else ": "
    assert f"{path}{separator}{fault}" in caught.value.faults


def test_one_class_and_too_few_rows(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "own.jsonl", [{"text": f"t{n}", "label": "same"} for n in range(10)])

    with pytest.raises(SpecError) as caught:
        expand_one(path)

    assert caught.value.faults == (
        f"{path}: has 5 rows to evaluate; 10 are the fewest that can be compared.",
        f"{path}: has 'same' in every row to evaluate; there must be two to tell apart.",
    )


def test_columns_are_named_where_they_cannot_be_guessed(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "own.jsonl", [{"frage": f"q{n}", "antwort": f"a{n}"} for n in range(12)])

    facts = expand_one(path, columns={"query": "frage", "passage": "antwort"})
    with pytest.raises(SpecError) as caught:
        expand_one(path, type="Retrieval")
    with pytest.raises(SpecError) as misspelt:
        expand_one(path, columns={"query": "fragen"})

    assert facts.task_type == "Retrieval"
    assert str(caught.value) == (
        f"{path}: its columns (frage, antwort) fit no layout. Retrieval needs query and passage. "
        "Name them with --columns, such as --columns query=COLUMN,passage=COLUMN."
    )
    assert str(misspelt.value) == f"{path}: unknown column 'fragen'; did you mean frage?"


def test_tables_that_were_not_used_for_long_are_pruned_and_made_again(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "pairs.jsonl", make_pairs())
    facts = expand_one(path)
    (kept,) = (tmp_path / "cache" / "data").iterdir()
    (tmp_path / "cache" / "data" / ".left.tmp").mkdir()
    now = (kept / "made.json").stat().st_mtime
    assert prune_data(tmp_path / "cache", None, now + 3600).n_sets == 0
    assert prune_data(tmp_path / "cache", 7200, now + 3600).n_sets == 0
    pruned = prune_data(tmp_path / "cache", 7200, now + 100_000)
    assert pruned.n_sets == 1
    assert pruned.n_bytes > 0
    assert not list((tmp_path / "cache" / "data").iterdir())
    assert expand_one(path) == facts
    assert prune_data(tmp_path / "nowhere", 0.0).n_sets == 0


def test_tables_are_kept_in_the_cache_folder_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFIXBENCH_CACHE", str(tmp_path / "elsewhere"))
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(json.dumps({"query": f"q{n}", "passage": f"p{n}"}) + "\n" for n in range(12)))
    (facts,) = expand_data([DataSpec(path=str(path))], tmp_path / "cache")
    task = load_data_task(facts, tmp_path / "cache")
    assert len(task.dataset["default"]["test"]["corpus"]) == 12  # type: ignore[index]
    assert "12 corpus" in describe_data(facts, tmp_path / "cache")
    assert [one.name for one in (tmp_path / "cache").iterdir()] == ["data"]
    assert not (tmp_path / "elsewhere").exists()


def test_a_cache_that_cannot_be_written_to_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(json.dumps({"query": f"q{n}", "passage": f"p{n}"}) + "\n" for n in range(12)))
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(CacheError, match=r"cache/data: no tables of .*pairs.jsonl can be kept"):
        expand_data([DataSpec(path=str(path))], tmp_path / "cache")


@pytest.mark.parametrize("task_type", ["Classification", "PairClassification", "MultilabelClassification"])
def test_own_labels_are_retrieved_by_their_names_or_by_what_a_file_says(tmp_path: Path, task_type: str) -> None:
    path = write_jsonl(tmp_path / "own.jsonl", [ROWS[task_type](n) for n in range(40)])
    facts = expand_one(Path(f"{path}@labels"))
    assert (facts.name, facts.task_type, facts.source) == ("own@labels", "Retrieval", "labels")
    split = load_task(facts).dataset["default"]["test"]  # type: ignore[index]
    names = split["corpus"]["id"][:]
    assert not any(name.isdigit() for name in names)
    assert set(names) >= set().union(*split["relevant_docs"].values())
    assert describe_data(facts).endswith("; 'own@labels' retrieves its labels")
    meanings = tmp_path / "meanings.json"
    meanings.write_text(json.dumps({name: f"what {name} means" for name in names}))
    told = load_task(expand_one(Path(f"{path}@labels={meanings}"))).dataset["default"]["test"]  # type: ignore[index]
    assert told["corpus"]["text"][:] == [f"what {name} means" for name in names]


def test_labels_of_data_without_any_are_refused_and_a_file_of_that_name_is_read(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "own.jsonl", [ROWS["STS"](n) for n in range(40)])
    with pytest.raises(SpecError, match=r"own.jsonl@labels: own is of type STS; labels can be retrieved for"):
        expand_one(Path(f"{path}@labels"))
    folder = tmp_path / "odd@labels"
    folder.mkdir()
    path.rename(folder / "test.jsonl")
    assert expand_one(folder).task_type == "STS"


HUB_LAYOUTS = {
    "folders": (
        "corpus/corpus-{}-of-00002.parquet",
        "queries/queries-{}-of-00002.parquet",
        "qrels/test-{}-of-00002.parquet",
    ),
    "files in pieces": ("corpus-{}-of-2.parquet", "queries-{}-of-2.parquet", "qrels-{}-of-2.parquet"),
    "folders by split": ("corpus/train-{}-of-2.parquet", "queries/test-{}-of-2.parquet", "data/test-{}-of-2.parquet"),
}


@pytest.mark.parametrize("layout", HUB_LAYOUTS)
def test_a_corpus_as_hubs_keep_it_is_read_from_all_its_pieces(tmp_path: Path, layout: str) -> None:
    corpus = [{"_id": f"d{n}", "title": "", "text": f"text {n}"} for n in range(40)]
    queries = [{"_id": f"q{n}", "text": f"query {n}"} for n in range(20)]
    qrels = [{"query-id": f"q{n}", "corpus-id": f"d{n}", "score": 1} for n in range(20)]
    tables: tuple[list[dict[str, Any]], ...] = (corpus, queries, qrels)
    for name, rows in zip(HUB_LAYOUTS[layout], tables, strict=True):
        for number in range(2):
            path = tmp_path / "hub" / name.format(f"{number:05d}")
            path.parent.mkdir(parents=True, exist_ok=True)
            write_parquet(path, rows[number::2])
    if layout == "folders by split":
        write_parquet(tmp_path / "hub" / "queries" / "train-00000-of-1.parquet", [{"_id": "other", "text": "other"}])
    facts = expand_one(tmp_path / "hub")
    data = load_data_task(facts).dataset["default"]["test"]  # type: ignore[index]
    assert facts.task_type == "Retrieval"
    assert sorted(data["corpus"]["id"]) == sorted(row["_id"] for row in corpus)
    assert sorted(data["queries"]["id"]) == sorted(row["_id"] for row in queries)
    assert data["relevant_docs"] == {f"q{n}": {f"d{n}": 1} for n in range(20)}


def test_a_table_in_pieces_is_read_whole_and_faults_name_their_piece(tmp_path: Path) -> None:
    for number in range(3):
        rows = [ROWS["Classification"](n) for n in range(number, 60, 3)]
        write_parquet(tmp_path / f"test-{number:05d}-of-00003.parquet", rows)
        write_parquet(tmp_path / f"train-{number:05d}-of-00003.parquet", rows)
    dataset = load_data_task(expand_one(tmp_path)).dataset
    assert dataset is not None
    assert {name: len(rows) for name, rows in dataset.items()} == {"test": 60, "train": 60}
    write_parquet(tmp_path / "test-00001-of-00003.parquet", [{"text": None, "label": "a"}])
    with pytest.raises(SpecError, match=r"test-00001-of-00003\.parquet, line 1: the text is missing"):
        expand_one(tmp_path)
