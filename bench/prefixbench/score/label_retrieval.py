"""A task of labels as retrieval of what they mean: each text or pair is a query, each label a document."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from datasets import ClassLabel, Dataset
from mteb.abstasks import AbsTaskMultilabelClassification, AbsTaskRetrieval

from prefixbench.errors import ScoreError
from prefixbench.score.data import get_split, list_pair_columns, read_column, read_pair_texts, unpack_single_row
from prefixbench.score.ids import digest_texts, number_repeats
from prefixbench.score.sampling import select_evaluated_rows

if TYPE_CHECKING:
    from mteb.abstasks import AbsTask

    from prefixbench.spec.tasks import TaskFacts

PAIR_LABELS = {"0": "dissimilar", "1": "similar"}
"""What the labels of pairs are called, which have no names in the data."""


class LabelRetrieval(AbsTaskRetrieval):
    """Base of these tasks; queries that share a label are as independent as they are in the task they come from."""

    items_stand_alone = True


def make_label_task(facts: TaskFacts, base: AbsTask) -> AbsTask:
    """Turn a task into the retrieval of its labels' descriptions.

    Args:
        facts: Of the task to make; ``base`` there are the facts of the task it comes from.
        base: That task, its data loaded.

    Raises:
        ScoreError: A description is of no label, a label has none, or labels are bare numbers and nothing says more.
    """
    metadata = base.metadata.model_copy(
        update={
            "name": facts.name,
            "type": facts.task_type,
            "main_score": facts.main_score,
            "prompt": None,
            "eval_splits": list(facts.eval_splits),
            "revision": facts.dataset_revision,
        }
    )
    task: AbsTask = type("LabelTask", (LabelRetrieval,), {"metadata": metadata})()
    task.hf_subsets = list(facts.hf_subsets)
    dataset = {
        subset: {split: _make_split(facts, base, split, subset) for split in facts.eval_splits}
        for subset in facts.hf_subsets
    }
    vars(task).update(dataset=dataset, data_loaded=True)
    return task


def _make_split(facts: TaskFacts, base: AbsTask, hf_split: str, hf_subset: str) -> dict[str, Any]:
    data = unpack_single_row(get_split(base, hf_split, hf_subset))
    texts, labels = _read_rows(base, data)
    described = _describe(facts, dict.fromkeys(itertools.chain.from_iterable(labels)))
    # The names, and where only some rows are drawn the rows, are those of the task's own items.
    ids = [str(name) for name in number_repeats([digest_texts([text]) for text in texts])]
    rows = range(len(texts))
    if isinstance(base, AbsTaskMultilabelClassification):
        rows = select_evaluated_rows(base, data).tolist()
    return {
        "queries": Dataset.from_dict({"id": [ids[row] for row in rows], "text": [texts[row] for row in rows]}),
        "corpus": Dataset.from_dict({"id": list(described), "text": list(described.values())}),
        "relevant_docs": {ids[row]: dict.fromkeys(labels[row], 1) for row in rows},
        "top_ranked": None,
    }


def _read_rows(base: Any, data: Any) -> tuple[list[str], list[list[str]]]:  # noqa: ANN401 - of any type, mteb's data
    """Each row's text, both of a pair in two lines, and the names of its labels."""
    raw = read_column(data, base.label_column_name)
    if base.metadata.type == "PairClassification":
        columns = list_pair_columns((base.input1_column_name, base.input2_column_name))
        texts = ["\n".join(pair) for pair in read_pair_texts(data, columns)]
        return texts, [[PAIR_LABELS.get(str(int(label)), str(label))] for label in raw]
    texts = [str(text) for text in read_column(data, base.input_column_name)]
    if base.metadata.type == "MultilabelClassification":
        return texts, [_name_labels(data, base, list(labels)) for labels in raw]
    if isinstance(data, Dataset) and "label_text" in data.column_names:
        return texts, [[str(label)] for label in read_column(data, "label_text")]
    return texts, [[label] for label in _name_labels(data, base, raw)]


def _name_labels(data: Any, base: Any, raw: list[Any]) -> list[str]:  # noqa: ANN401 - as above
    """Labels as the data name them, where these name their numbers, else as they are."""
    feature = data.features.get(base.label_column_name) if isinstance(data, Dataset) else None
    feature = getattr(feature, "feature", feature)  # that of a list's members
    if isinstance(feature, ClassLabel):
        return [feature.names[int(label)] for label in raw]
    return [str(label) for label in raw]


def _describe(facts: TaskFacts, labels: dict[str, None]) -> dict[str, str]:
    """The description of each label: its own name, where none were given."""
    given = dict(facts.labels)
    if not given and all(label.lstrip("-").isdigit() for label in labels):
        raise ScoreError(
            f"{facts.name}: its labels are bare numbers ({', '.join(sorted(labels)[:5])}); say what they mean: "
            f"{facts.name}=FILE, one description a label."
        )
    if not given:
        return {label: label.replace("_", " ") for label in sorted(labels)}
    unknown, bare = sorted(given.keys() - labels.keys()), sorted(labels.keys() - given.keys())
    if unknown or bare:
        faults = [f"describe labels that are not there ({', '.join(unknown[:5])})"] if unknown else []
        faults += [f"leave labels out ({', '.join(bare[:5])})"] if bare else []
        raise ScoreError(
            f"{facts.name}: its descriptions {' and '.join(faults)}; its labels: {', '.join(sorted(labels))}."
        )
    return {label: given[label] for label in sorted(labels)}
