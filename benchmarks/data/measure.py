"""Memory and time of a sweep over own data, by the number of documents.

    python -m benchmarks.data.measure [--documents 10000,100000,1000000] [--conditions 2] [--work FOLDER] [--within MIB]

Documents are twelve words, queries four of one document's; the model averages random word vectors, so that what is
measured is reading, keeping, searching and scoring, and not a forward pass.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import numpy as np
from prefixbench.results import load_run
from prefixbench.run.provenance import collect_provenance
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit

from benchmarks.sweep.watch import watch

HERE = Path(__file__).parent
N_QUERIES, N_WORDS, DIMENSIONS = 1_000, 5_000, 64
ROWS_AT_ONCE = 8_192


def make_data(folder: Path, n_documents: int) -> None:
    """A corpus, queries and judgements as files."""
    rng = np.random.default_rng(0)
    asked = set(np.random.default_rng(1).choice(n_documents, N_QUERIES, replace=False).tolist())
    (folder / "qrels").mkdir(parents=True)
    files = [(folder / name).open("w") for name in ("corpus.jsonl", "queries.jsonl", "qrels/test.tsv")]
    corpus, queries, qrels = files
    qrels.write("query-id\tcorpus-id\tscore\n")
    vocabulary = np.array([f"w{word}" for word in range(N_WORDS)], dtype=object)
    for start in range(0, n_documents, ROWS_AT_ONCE):
        drawn = vocabulary[rng.integers(0, N_WORDS, (min(ROWS_AT_ONCE, n_documents - start), 12))].tolist()
        for number, words in enumerate(drawn, start):
            corpus.write(f'{{"_id": "d{number}", "text": "{" ".join(words)}"}}\n')
            if number in asked:
                queries.write(f'{{"_id": "q{number}", "text": "{" ".join(words[:4])}"}}\n')
                qrels.write(f"q{number}\td{number}\t1\n")
    for file in files:
        file.close()


def split_words() -> Tokenizer:
    """A tokenizer that splits at white space and knows the words of these data."""
    words = ["[UNK]", "ask:", "told:", *(f"w{word}" for word in range(N_WORDS))]
    tokenizer = Tokenizer(WordLevel({word: number for number, word in enumerate(words)}, unk_token=words[0]))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    return tokenizer


def make_model(folder: Path, tokenizer: Tokenizer, dimensions: int) -> None:
    """A model that averages random word vectors."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    torch.manual_seed(0)
    embedding = StaticEmbedding(tokenizer, embedding_dim=dimensions)
    SentenceTransformer(modules=[embedding], device="cpu").save(str(folder), create_model_card=False)


def confine(mebibytes: int) -> None:
    """Let this process and all that it starts have no more memory, mapped files included; takes root, on Linux."""
    root = Path("/sys/fs/cgroup")
    unified = (root / "cgroup.controllers").exists()
    group = root / f"prefixbench-{mebibytes}" if unified else root / "memory" / f"prefixbench-{mebibytes}"
    group.mkdir(exist_ok=True)
    (group / ("memory.max" if unified else "memory.limit_in_bytes")).write_text(str(mebibytes << 20))
    (group / "cgroup.procs").write_text(str(os.getpid()))


def measure(n_documents: int, n_conditions: int, work: Path) -> dict[str, object]:
    """One sweep in a process of its own, with an empty cache."""
    data, model = work / f"data-{n_documents}", work / "model"
    if not data.exists():
        make_data(data, n_documents)
    if not model.exists():
        make_model(model, split_words(), DIMENSIONS)
    with tempfile.TemporaryDirectory(dir=work) as kept:
        results, cache = Path(kept) / "results", Path(kept) / "cache"
        command = [sys.executable, "-m", "prefixbench", "sweep", "--models", str(model), "--data", str(data)]
        command += ["--conditions", "none", "--workers", "1", "--no-report"]
        command += ["--prefix", 'mine:query="ask: ",document="told: "'] if n_conditions == 2 else []
        command += ["--results", str(results), "--cache", str(cache)]
        usage = watch(command, {"PREFIXBENCH_CACHE": str(cache)})
        scores = {name: row.score for row in load_run(results).results for name in row.conditions}
        stored = sum(file.stat().st_size for file in (cache / "vectors").rglob("*.arrow"))
    return {
        "documents": n_documents,
        "conditions": n_conditions,
        "scores": scores,
        "stored_bytes": stored,
        **asdict(usage),
    }


def render_table(content: dict[str, object]) -> str:
    """The figures as Markdown."""
    points = content["points"]
    assert isinstance(points, list)
    lines = [
        f"{N_QUERIES:,} queries, {DIMENSIONS} dimensions; memory of all processes, shared pages once.",
        "",
        "| documents | conditions | may take, MiB | vectors, MiB | peak memory, MiB | without mapped files, MiB "
        "| CPU seconds | seconds | cores of other work | processor |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|",
    ]
    lines += [
        f"| {point['documents']:,} | {point['conditions']} | {point.get('within') or 'any'} "
        f"| {point['stored_bytes'] / 2**20:,.0f} "
        f"| {point['peak_pss_bytes'] / 2**20:,.0f} "
        f"| {point['peak_anonymous_bytes'] / 2**20:,.0f} | {point['cpu_seconds']:,.0f} "
        f"| {point['wall_seconds']:,.0f} | {point['other_cores']:.1f} | {point['cpu']} |"
        for point in points
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", default="10000,100000,1000000")
    parser.add_argument("--conditions", type=int, choices=(1, 2), default=2)
    parser.add_argument("--work", type=Path, help="where data are made, and kept for the next time; nowhere if absent")
    parser.add_argument("--within", type=int, help="MiB of memory that all processes may take, mapped files included")
    parser.add_argument("--output", type=Path, default=HERE)
    options = parser.parse_args()
    if options.within:
        confine(options.within)
    with contextlib.ExitStack() as stack:
        work = options.work or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sizes = [int(number) for number in options.documents.split(",")]
        provenance = collect_provenance("cpu").model_dump(exclude={"warnings"})
        told = {"within": options.within, "cpu": provenance["cpu"]}
        points = [{**told, **measure(size, options.conditions, work)} for size in sizes]
    path = options.output / "figures.json"
    known = json.loads(path.read_text())["points"] if path.exists() else []  # other points stay as they were
    by_size = {
        (point["documents"], point["conditions"], point.get("within") or 0): point for point in [*known, *points]
    }
    content = {
        "provenance": provenance,
        "load_average": os.getloadavg()[0],
        "points": [by_size[size] for size in sorted(by_size)],
    }
    path.write_text(json.dumps(content, indent=1) + "\n")
    (options.output / "figures.md").write_text(render_table(content))
    sys.stdout.write(render_table(content))


if __name__ == "__main__":
    main()
