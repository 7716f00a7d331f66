"""What the first screen holds, as values: the sentence, four replies, the forest, the ladders, the matrix of models."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from prefixbench.report.effects import DOCUMENTED, INERT, read_evidence
from prefixbench.report.sentences import (
    Reply,
    reply_add,
    reply_index,
    reply_mix,
    reply_words,
    state_answer,
    state_inert,
    state_models,
    state_pair,
    state_undocumented,
    tally_replies,
)
from prefixbench.report.ways import Ladder, build_ladders, name_way
from prefixbench.report.words import make_anchor, name_briefly
from prefixbench.spec.tasks import ROLE_TASK_TYPES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prefixbench.report.effects import Effect, Pair, Reading
    from prefixbench.report.evidence import Evidence

MISTAKES = ("wrong", "swapped", "both-query", "both-document", "foreign")
"""Kinds of conditions that send a prefix where it does not belong."""
MOST_ROWS = 14
"""Rows of a forest that still leave room for the rest of the first screen."""


@dataclass(frozen=True, slots=True)
class ForestRow:
    """One row: a task under its type's mean, or a mean."""

    effect: Effect
    is_mean: bool


@dataclass(frozen=True)
class ModelAnswer:
    """One model's first screen.

    Attributes:
        reading: What was measured.
        margin: Points within which a difference does not matter.
        ladders: Every way of sending by task type, the richest first.
        pair: Condition and baseline that it is about.
    """

    reading: Reading
    margin: float
    ladders: tuple[Ladder, ...]
    pair: Pair = DOCUMENTED

    @property
    def name(self) -> str:
        """The model."""
        return self.reading.recipe

    @property
    def anchor(self) -> str:
        """Where the page holds it."""
        return make_anchor("model", self.reading.recipe)

    @cached_property
    def types(self) -> dict[str, Effect]:
        """The pair's effects by task type."""
        return self.reading.types(*self.pair)

    @property
    def sentence(self) -> str:
        """The answer."""
        if self.pair != DOCUMENTED:
            return state_pair(name_way(self.pair[0]), name_way(self.pair[1]), self.types, self.margin)
        return state_answer(self.types, self.margin)

    @cached_property
    def forest(self) -> tuple[ForestRow, ...]:
        """Types with the largest difference first, each with its tasks; what sends the same strings is no row."""
        rows: list[ForestRow] = []
        tasks = [effect for effect in self.reading.tasks(*self.pair) if effect.is_measured]
        means = {name: effect for name, effect in self.types.items() if effect.is_measured}
        weight = {name: -abs(effect.delta) for name, effect in means.items()}
        types = sorted(dict.fromkeys(effect.task_type for effect in tasks), key=lambda name: weight.get(name, 0.0))
        for task_type in sorted(types, key=lambda name: sum(one.task_type == name for one in tasks) < 2):
            own = [effect for effect in tasks if effect.task_type == task_type]
            if len(own) > 1 and task_type in means:
                rows.append(ForestRow(means[task_type], is_mean=True))
            rows += [ForestRow(effect, is_mean=False) for effect in sorted(own, key=lambda one: -one.delta)]
        return tuple(rows)

    @property
    def short_forest(self) -> tuple[ForestRow, ...]:
        """The forest of the first screen: a long one keeps its means, and tasks that have no mean above them."""
        if len(self.forest) <= MOST_ROWS:
            return self.forest
        means = {row.effect.task_type for row in self.forest if row.is_mean}
        return tuple(row for row in self.forest if row.is_mean or row.effect.task_type not in means)

    @cached_property
    def replies(self) -> tuple[Reply, ...]:
        """The four questions, answered on the task type with most ways of sending; none of them for another pair."""
        if self.pair != DOCUMENTED:
            return ()
        reading, main = self.reading, self.ladders[0].task_type if self.ladders else ""
        ways = {effect.task_type for effects in reading.by_task.values() for effect in effects}
        sides = reading.types("query-only", "correct")
        side = main if main in sides else next(iter(sides), "")
        step = sides.get(side)
        conditions = dict.fromkeys(condition for condition, baseline in reading.by_task if baseline == "none")
        parts = {
            name: reading.types(name).get(side)
            for name in conditions
            if name in {"query-only", "correct"} or name.startswith("mixed:")
        }
        mistakes = {
            name_way(name): effect
            for name in conditions
            if name.partition("+")[0].partition(":")[0] in MISTAKES
            and (effect := reading.types(name).get(main)) is not None
        }
        return (
            reply_add(self.types),
            reply_index(step.reverse() if step else None, parts, has_roles=bool(ways & ROLE_TASK_TYPES)),
            reply_mix(mistakes),
            reply_words(reading.types("correct", "placebo").get(main), reading.types("placebo").get(main)),
        )


@dataclass(frozen=True)
class Answer:
    """Everything the first screen says.

    Attributes:
        models: Models that document a prefix for any task, as the runs name them; of another pair, those measured.
        undocumented: The others: none is documented, or what is sent moves no vector.
        margin: Points within which a difference does not matter.
        pair: Condition and baseline that the first screen is about.
    """

    models: tuple[ModelAnswer, ...]
    undocumented: tuple[ModelAnswer, ...]
    margin: float
    pair: Pair = DOCUMENTED

    @property
    def single(self) -> ModelAnswer | None:
        """The one model the answer is about, where there is one."""
        known = self.models or self.undocumented
        return known[0] if len(known) == 1 else None

    @property
    def sentence(self) -> str:
        """The headline."""
        if self.single is not None and self.models:
            return self.single.sentence
        if self.pair != DOCUMENTED:
            return state_models(self.by_type, len(self.models), " against ".join(map(name_way, self.pair)))
        if not self.models:
            if self.undocumented and any(one.reading.tasks("correct") for one in self.undocumented):
                return self.note
            return state_answer({}, self.margin)
        return state_models(self.by_type, len(self.models))

    @property
    def note(self) -> str:
        """Models that document no prefix, and those that are deaf to theirs; empty where there is neither."""
        if self.pair != DOCUMENTED:
            return ""
        inert = [one for one in self.undocumented if any(own.verdict == INERT for own in one.reading.tasks("correct"))]
        bare = [one for one in self.undocumented if one.reading.tasks("correct") and one not in inert]
        verdicts = Counter(effect.verdict for one in bare for effect in one.reading.tasks("instruction"))
        deaf, undocumented = ([name_briefly(one.name, 40) for one in own] for own in (inert, bare))
        told = [state_inert(deaf)] if deaf else []
        return " ".join([*told, *([state_undocumented(undocumented, verdicts)] if undocumented else [])])

    @cached_property
    def task_types(self) -> tuple[str, ...]:
        """Types on which any model's documented prefix was measured; those most models have first."""
        counts = Counter(name for one in self.models for name, effect in one.types.items() if effect.is_measured)
        return tuple(sorted(counts, key=lambda name: (-counts[name], name)))

    @property
    def by_type(self) -> dict[str, list[Effect]]:
        """The pair's effects of every model, by task type."""
        return {name: [one.types[name] for one in self.models if name in one.types] for name in self.task_types}

    @property
    def replies(self) -> tuple[Reply, ...]:
        """The four questions: one model's answers, or how many models get which."""
        if self.single is not None:
            return self.single.replies
        columns: Sequence[tuple[Reply, ...]] = list(zip(*(one.replies for one in self.models), strict=True))
        return tuple(tally_replies(column) for column in columns)


def build_answer(evidence: Evidence) -> Answer:
    """Read the frames and say what they come to."""
    margin, pair = max(evidence.smallest_effects, default=0.0), evidence.options.pair
    answers = [
        ModelAnswer(one, margin, build_ladders(one, evidence, pair[1]) if evidence.options.ladders else (), pair)
        for one in read_evidence(evidence)
    ]
    measured = [any(effect.is_measured for effect in one.reading.tasks(*pair)) for one in answers]
    return Answer(
        tuple(one for one, is_measured in zip(answers, measured, strict=True) if is_measured),
        tuple(one for one, is_measured in zip(answers, measured, strict=True) if not is_measured),
        margin,
        pair,
    )
