from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from prefixbench.errors import SpecError
from prefixbench.plan.prefix_tables import PrefixRequest, answer_prefixes
from prefixbench.prefixes.disagreements import PROBE
from prefixbench.spec.tasks import TaskFacts


def test_all_models_are_listed_with_their_mechanism() -> None:
    answer = answer_prefixes(PrefixRequest(None))
    by_name: dict[str, Any] = {str(row["name"]): row for row in answer.data}
    assert by_name["nomic-ai/nomic-embed-text-v1.5"]["mechanism"] == "prefix"
    assert by_name["GritLM/GritLM-7B"]["mechanism"] == "template"
    assert by_name["jinaai/jina-embeddings-v3"]["mechanism"] == "adapter"
    assert by_name["mongodb/voyage-3.5"]["mechanism"] == "api"
    assert by_name["BAAI/bge-m3"]["mechanism"] == "none"
    assert by_name["jxm/cde-small-v1"]["layer"] == "mteb"
    assert by_name["BAAI/bge-reranker-v2-m3"]["mechanism"] is None
    assert by_name["BAAI/bge-reranker-v2-m3"]["note"].endswith("scores pairs and embeds no text on its own")
    assert "query:· | passage:·" in answer.text
    assert "nomic-ai/nomic-embed-text-v1.5" in answer_prefixes(PrefixRequest(None, everything=True)).text


def test_one_model_shows_white_space_and_sources() -> None:
    request = PrefixRequest("intfloat/e5-base-v2", conditions="none,correct,swapped,placebo")
    lines = answer_prefixes(request).text.splitlines()
    assert lines[:2] == ["intfloat/e5-base-v2", "· is a space, ⏎ a line break, ∅ nothing"]
    assert "as documented (correct): card: https://huggingface.co/intfloat/e5-base-v2 (read" in lines
    assert "  types with sides     query:· | passage:·" in lines
    assert "  swapped  passage:· | query:·" in lines
    assert "skipped: placebo" in lines
    everything = answer_prefixes(replace(request, everything=True)).text
    assert "from card: https://huggingface.co/intfloat/e5-base-v2 (read " in everything
    assert "skipped: a placebo needs the tokenizer.json" in everything


def test_one_task_tells_which_rule_decided() -> None:
    facts = TaskFacts("StarterDocRetrieval", "Retrieval", "ndcg_at_10", source="starter")
    request = PrefixRequest(
        "nomic-ai/nomic-embed-text-v1.5",
        tasks=("StarterDocRetrieval",),
        conditions="correct,wrong",
        prefixes=('mine:query="a: ",document="b: "',),
        embedded={"StarterDocRetrieval": facts},
    )
    answer = answer_prefixes(request)
    assert [row["condition"] for row in answer.data] == ["correct", "wrong", "custom:mine"]
    assert answer.data[0]["rule"] == "the card's rule for the asymmetric task types decides"
    assert json.loads(json.dumps(answer.data))[2]["document"]["prefix"] == "b: "
    assert "StarterDocRetrieval (Retrieval)" in answer.text


def test_where_mteb_and_the_cards_differ() -> None:
    answer = answer_prefixes(PrefixRequest(None, disagreements=True))
    rows = {(row["family"], task, row["role"]): row for row in answer.data for task in row["tasks"]}  # type: ignore[attr-defined]

    def sent(family: str, task: str, role: str) -> tuple[Any, Any]:
        row: Any = rows[family, task, role]
        return row["card"]["prefix"] or row["card"]["api"], row["mteb"]["prefix"] or row["mteb"]["api"]

    assert sent("e5", "STS", "text") == ("query: ", ())
    assert sent("stella", "Retrieval", "query")[1] == PROBE
    assert sent("bge", "Clustering", "text")[0] == f"<instruct>{PROBE}\n<query>"
    assert sent("embeddinggemma", "Reranking", "document") == (
        "title: {title} | text: ",
        "task: search result | query: ",
    )
    assert sent("google", "STS", "text") == (
        (("task_type", "SEMANTIC_SIMILARITY"),),
        (("task_type", "SIMILARITY"),),
    )
    assert sent("cohere", "Retrieval", "query")[1] == (("input_type", "search_document"),)
    assert sent("nv-embed", "Retrieval", "document") == ((), f"Instruct: {PROBE}\nQuery: ")
    assert sent("gritlm", "Retrieval", "document")[0] == "<|embed|>\n"
    assert ("jina", "PairClassification", "text") in rows
    assert ("nomic", "Retrieval", "query") not in rows
    everything = answer_prefixes(PrefixRequest(None, disagreements=True, everything=True)).text
    assert "mteb sends  THE·TASK'S·INSTRUCTION" in everything


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        (
            PrefixRequest(None, tasks=("SciFact",)),
            "--task, --conditions and --prefix need a model: prefixbench prefixes MODEL --task TASK.",
        ),
        (
            PrefixRequest("intfloat/e5-base-v2", disagreements=True),
            "--disagreements is about all models; leave the model out.",
        ),
    ],
)
def test_flags_that_do_not_go_together(request_: PrefixRequest, sentence: str) -> None:
    with pytest.raises(SpecError) as caught:
        answer_prefixes(request_)
    assert str(caught.value) == sentence
