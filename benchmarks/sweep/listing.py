"""What listing a place's texts before scoring costs and saves, against embedding what mteb asks for when it asks.

    python -m benchmarks.sweep.listing        # figures/listing.json, figures/listing.md

*Listed*: the distinct texts of all calls at once, sorted by length. *Asked*: call by call, as an evaluation makes
them, each sorted by length. Both in batches of 32. Seconds are of this process's processor time.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from prefixbench.run.loading import load_task
from prefixbench.score import list_texts
from prefixbench.score.data import fresh_task
from prefixbench.score.manifest import record_texts
from prefixbench.starter import locate_model
from transformers import AutoTokenizer

from benchmarks.sweep.workload import MODEL, TASKS, list_cells

FIGURES = Path(__file__).parent / "figures"
BATCH = 32
COLUMNS = ("task", "texts asked", "distinct", "padded tokens asked", "padded tokens listed", "list, s", "evaluate, s")


def measure(task: Any, hf_split: str, hf_subset: str, count_tokens: Callable[[list[str]], list[int]]) -> dict[str, Any]:  # noqa: ANN401 - mteb's task
    """The figures of one place."""
    calls = [list(part.texts) for part in record_texts(fresh_task(task), hf_split, hf_subset).parts]
    distinct = list(dict.fromkeys(text for call in calls for text in call))
    lengths = dict(zip(distinct, count_tokens(distinct), strict=True))
    return {
        "texts_asked": sum(map(len, calls)),
        "texts_distinct": len(distinct),
        "padded_tokens_asked": sum(_pad([lengths[text] for text in call]) for call in calls),
        "padded_tokens_listed": _pad(list(lengths.values())),
        "seconds_list": _time(lambda: list_texts(fresh_task(task), hf_split, hf_subset)),
        "seconds_evaluate": _time(lambda: record_texts(fresh_task(task), hf_split, hf_subset)),
    }


def _pad(lengths: list[int]) -> int:
    """Tokens that go through the model, padding included, where texts are sorted by length."""
    return sum(max(batch) * len(batch) for batch in _batches(sorted(lengths, reverse=True)))


def _batches(values: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(values), BATCH):
        yield values[start : start + BATCH]


def _time(call: Callable[[], object]) -> float:
    began = time.process_time()
    call()
    return time.process_time() - began


def main() -> None:
    """Measure the comparison's tasks and write the table."""
    tokenizer = AutoTokenizer.from_pretrained(str(locate_model(MODEL)))

    def count_tokens(texts: list[str]) -> list[int]:
        return [len(ids) for ids in tokenizer(texts, truncation=True, max_length=256)["input_ids"]]

    rows = {}
    for cell in list_cells(",".join(TASKS), ("none",)):
        rows[cell.task.name] = measure(load_task(cell.task), cell.hf_split, cell.hf_subset, count_tokens)
        sys.stderr.write(f"{cell.task.name}\n")
    (FIGURES / "listing.json").write_text(json.dumps(rows, indent=1) + "\n")
    lines = [f"| {' | '.join(COLUMNS)} |", f"|---|{'---:|' * (len(COLUMNS) - 1)}"]
    for name, row in rows.items():
        *counts, listing, evaluation = row.values()
        shown = [f"{count:,}" for count in counts] + [f"{listing:.2f}", f"{evaluation:.2f}"]
        lines.append(f"| {name} | {' | '.join(shown)} |")
    (FIGURES / "listing.md").write_text("\n".join(lines) + "\n")
    sys.stdout.write((FIGURES / "listing.md").read_text())


if __name__ == "__main__":
    main()
