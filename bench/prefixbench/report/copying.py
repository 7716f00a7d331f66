"""The strings to send, as the settings of the tools that people run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prefixbench.report.sentences import name_type
from prefixbench.report.words import show_prefix

if TYPE_CHECKING:
    from prefixbench.report.effects import Reading
    from prefixbench.report.evidence import Evidence
    from prefixbench.results.records import CellResult
    from prefixbench.spec.conditions import Side


@dataclass(frozen=True, slots=True)
class Documented:
    """A string that the model's documentation asks for.

    Attributes:
        key: Its name among sentence-transformers' ``prompts``: ``query``, ``document`` or a task type.
        prefix: The string itself.
        shown: With visible white space.
        uses: The task types it is for, in words.
        source: Where that is documented.
    """

    key: str
    prefix: str
    shown: str
    uses: str
    source: str


@dataclass(frozen=True, slots=True)
class Snippet:
    """Settings to paste."""

    tool: str
    code: str


def list_documented(reading: Reading, evidence: Evidence) -> tuple[Documented, ...]:
    """Every distinct string that ``correct`` sends, queries and documents first."""
    members = frozenset(reading.members)
    found: dict[tuple[str, str], tuple[list[str], str]] = {}
    for _, subject, row in evidence.iterate_results():
        if subject in members and "correct" in row.conditions:
            for key, side, source in _list_sides(row):
                uses = found.setdefault((key, side.prefix), ([], source))[0]
                uses.append(name_type(row.task_type))
    order = {"query": 0, "document": 1}
    return tuple(
        Documented(key, prefix, show_prefix(prefix), ", ".join(dict.fromkeys(uses)), source)
        for (key, prefix), (uses, source) in sorted(found.items(), key=lambda one: (order.get(one[0][0], 2), one[0]))
    )


def _list_sides(row: CellResult) -> list[tuple[str, Side, str]]:
    if any(audit.role == "text" for audit in row.audit):
        role = row.pair.symmetric.value
        side = row.pair.query if role == "query" else row.pair.document
        return [(row.task_type, side, _cite(row, role))]
    return [
        ("query", row.pair.query, _cite(row, "query")),
        ("document", row.pair.document, _cite(row, "document")),
    ]


def _cite(row: CellResult, role: str) -> str:
    source = row.sources.get(role) or row.sources.get("text")
    return f"{source.layer}: {source.citation}" if source else ""


def write_snippets(model: str, strings: tuple[Documented, ...]) -> tuple[Snippet, ...]:
    """The strings as ``prompts``, as Python and as settings of what people run; none where nothing is sent."""
    if not any(one.prefix for one in strings):
        return ()
    prompts: dict[str, str] = {}
    for one in strings:
        prompts.setdefault(one.key, one.prefix)
    snippets = [
        Snippet("config_sentence_transformers.json", json.dumps({"prompts": prompts}, ensure_ascii=False, indent=2)),
        Snippet("Python", _write_python(model, prompts)),
    ]
    if "query" in prompts and "document" in prompts:
        query, document = (json.dumps(prompts[key], ensure_ascii=False) for key in ("query", "document"))
        name = json.dumps(model, ensure_ascii=False)
        snippets += [
            Snippet(
                "LangChain",
                f"HuggingFaceEmbeddings(\n    model_name={name},\n    encode_kwargs={{'prompt': {document}}},\n"
                f"    query_encode_kwargs={{'prompt': {query}}},\n)",
            ),
            Snippet(
                "LlamaIndex",
                f"HuggingFaceEmbedding(\n    {name},\n    query_instruction={query},\n"
                f"    text_instruction={document},\n)",
            ),
            Snippet(
                "Haystack",
                f"SentenceTransformersTextEmbedder({name}, prefix={query})\n"
                f"SentenceTransformersDocumentEmbedder({name}, prefix={document})",
            ),
            Snippet(
                "Ollama, llama.cpp, vLLM, OpenAI-compatible servers",
                f"# none of them adds a prefix: put it before the text yourself\n"
                f"input = {query} + query        # when you search\n"
                f"input = {document} + document  # when you index",
            ),
        ]
    return tuple(snippets)


def _write_python(model: str, prompts: dict[str, str]) -> str:
    lines = [
        "from sentence_transformers import SentenceTransformer",
        "",
        f"model = SentenceTransformer({json.dumps(model, ensure_ascii=False)})",
    ]
    for key, prompt in prompts.items():
        texts = {"query": "queries", "document": "documents"}.get(key, "texts")
        comment = "" if key in {"query", "document"} else f"  # {name_type(key)}"
        lines.append(f"model.encode({texts}, prompt={json.dumps(prompt, ensure_ascii=False)}){comment}")
    return "\n".join(lines)
