"""Every snippet of ``recipe`` that can run here gives the vectors of sentence-transformers with the same strings.

The tools' packages are no extra of the project: some ask for older versions than it needs, and work with newer ones.
Install them into an environment of their own, with ``pip install --no-deps``; without them their tests are skipped.
"""

from __future__ import annotations

import json
import shlex
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prefixbench.report.snippets import Strings, list_tools, write_snippet
from prefixbench.starter import locate_model
from prefixbench.starter.models import MINILM
from sentence_transformers import SentenceTransformer

QUERIES, DOCUMENTS = ["How do I reset the clock?"], ["Hold both buttons for ten seconds.", "It is not a clock."]
QUERY, DOCUMENT = 'Instruct: find "it"\nQuery: ', "passage: "

pytestmark = pytest.mark.filterwarnings("ignore")  # other people's packages warn of their own


@pytest.fixture(scope="module")
def strings() -> Strings:
    return Strings(str(locate_model(MINILM.name)), {"query": QUERY, "document": DOCUMENT, "STS": QUERY})


@pytest.fixture(scope="module")
def expected(strings: Strings) -> tuple[Any, Any]:
    model = SentenceTransformer(strings.model)
    return model.encode(QUERIES, prompt=QUERY), model.encode(DOCUMENTS, prompt=DOCUMENT)


def run_snippet(tool: str, strings: Strings, **names: Any) -> dict[str, Any]:
    space: dict[str, Any] = {"queries": QUERIES, "documents": DOCUMENTS, "query": QUERIES[0], "texts": QUERIES, **names}
    exec(compile(write_snippet(tool, strings).code, tool, "exec"), space)
    return space


def check(found: tuple[Any, ...], expected: tuple[Any, ...]) -> None:
    for vectors, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(np.array(vectors), wanted, atol=1e-6)


def test_python(strings: Strings, expected: tuple[Any, Any]) -> None:
    space = run_snippet("python", strings)
    check((space["queries_vectors"], space["documents_vectors"]), expected)
    check((space["texts_vectors"],), expected[:1])


def test_config_is_read_by_sentence_transformers(strings: Strings, expected: tuple[Any, Any], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(strings.model, tmp_path / "model"))
    path = folder / "config_sentence_transformers.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | json.loads(write_snippet("config", strings).code)))
    model = SentenceTransformer(str(folder))
    check((model.encode_query(QUERIES), model.encode_document(DOCUMENTS)), expected)
    check((model.encode(QUERIES, prompt_name="STS"),), expected[:1])


def test_langchain(strings: Strings, expected: tuple[Any, Any]) -> None:
    pytest.importorskip("langchain_huggingface")
    embeddings = run_snippet("langchain", strings)["embeddings"]
    check(([embeddings.embed_query(QUERIES[0])], embeddings.embed_documents(DOCUMENTS)), expected)
    broken = [text.replace(" ", "\n") for text in DOCUMENTS]  # as the snippet says
    check((embeddings.embed_documents(broken),), expected[1:])


def test_llamaindex(strings: Strings, expected: tuple[Any, Any]) -> None:
    pytest.importorskip("llama_index.embeddings.huggingface")
    model = run_snippet("llamaindex", strings)["embed_model"]
    check(([model.get_query_embedding(QUERIES[0])], model.get_text_embedding_batch(DOCUMENTS)), expected)


def test_haystack(strings: Strings, expected: tuple[Any, Any]) -> None:
    pytest.importorskip("haystack_integrations.components.embedders.sentence_transformers")
    from haystack import Document

    space = run_snippet("haystack", strings)
    documents = space["document_embedder"].run([Document(content=text) for text in DOCUMENTS])["documents"]
    check(
        ([space["query_embedder"].run(QUERIES[0])["embedding"]], [document.embedding for document in documents]),
        expected,
    )


def test_chroma(strings: Strings, expected: tuple[Any, Any]) -> None:
    chromadb = pytest.importorskip("chromadb")
    collection = run_snippet("chroma", strings, client=chromadb.EphemeralClient())["collection"]
    collection.add(ids=["0", "1"], documents=DOCUMENTS)
    check((collection.get(include=["embeddings"])["embeddings"],), expected[1:])
    distances = collection.query(query_texts=QUERIES, n_results=2)["distances"][0]
    np.testing.assert_allclose(sorted(distances), sorted(((expected[0] - expected[1]) ** 2).sum(axis=1)), atol=1e-5)


def test_qdrant(strings: Strings, expected: tuple[Any, Any]) -> None:
    qdrant = pytest.importorskip("qdrant_client")
    client = qdrant.QdrantClient(":memory:")
    size = qdrant.models.VectorParams(size=expected[0].shape[1], distance=qdrant.models.Distance.DOT)
    client.create_collection("documents", vectors_config=size)
    found = run_snippet("qdrant", strings, client=client)["found"]
    scores = {point.id: point.score for point in found.points}
    np.testing.assert_allclose([scores[0], scores[1]], (expected[1] @ expected[0].T)[:, 0], atol=1e-5)


def export_onnx(model: Any, path: Path) -> None:
    import torch
    from prefixbench.encode.engines import LastHiddenState

    features = model.preprocess(["a clock", "it"])
    names = ["input_ids", "attention_mask", "token_type_ids"]
    torch.onnx.export(
        LastHiddenState(model.transformers_model).eval(),
        tuple(features[name] for name in names),
        path,
        input_names=names,
        output_names=["hidden"],
        dynamic_axes={name: {0: "texts", 1: "tokens"} for name in [*names, "hidden"]},
        opset_version=18,
        dynamo=False,
    )


def test_fastembed(strings: Strings, expected: tuple[Any, Any], tmp_path: Path) -> None:
    fastembed = pytest.importorskip("fastembed")
    pytest.importorskip("onnx")
    from fastembed.common.model_description import ModelSource, PoolingType

    folder = Path(shutil.copytree(strings.model, tmp_path / "model"))
    export_onnx(SentenceTransformer(strings.model), folder / "model.onnx")
    fastembed.TextEmbedding.add_custom_model(
        "minilm", PoolingType.MEAN, True, ModelSource(hf="none"), expected[0].shape[1], "model.onnx"
    )
    opened = fastembed.TextEmbedding("minilm", specific_model_path=str(folder))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fastembed, "TextEmbedding", lambda _: opened)  # it takes names of a hub only
        space = run_snippet("fastembed", strings)
    check((space["queries_vectors"], space["documents_vectors"]), expected)


def test_shell_snippets_keep_the_string_to_the_last_blank(strings: Strings) -> None:
    exported = dict(
        word.partition("=")[::2] for word in shlex.split(write_snippet("open-webui", strings).code) if word != "export"
    )
    assert exported["RAG_EMBEDDING_QUERY_PREFIX"] == QUERY
    assert exported["RAG_EMBEDDING_CONTENT_PREFIX"] == DOCUMENT
    words = shlex.split(write_snippet("tei", strings).code, comments=True)
    assert [words[i + 1] for i, word in enumerate(words) if word == "--default-prompt"] == [QUERY, DOCUMENT]


@pytest.mark.parametrize(
    ("query", "document", "prepended"),
    [
        ("query: ", "passage: ", {"query": "query:", "document": "passage:"}),
        ("a < b: ", "", {"query": "a < b:"}),
        ("", "passage: ", {}),  # Vespa would give it to queries too
        ("Query:", "", {}),  # it would put a blank there
    ],
)
def test_vespa_is_told_what_it_can_say(query: str, document: str, prepended: dict[str, str]) -> None:
    code = write_snippet("vespa", Strings("m", {"query": query, "document": document})).code
    tree = ET.fromstring(f"<services>{code}</services>")
    assert {one.tag: one.text for one in tree.findall("component/prepend/*")} == prepended
    assert bool(tree.findall("component")) is bool(prepended)


def test_without_queries_there_is_nothing_to_set_in_a_search_engine() -> None:
    assert list_tools(Strings("m", {"STS": "query: "})) == ("config", "python")
