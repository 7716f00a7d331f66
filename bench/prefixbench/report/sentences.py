"""Every sentence the report, its card, its Markdown and the terminal say about a result.

A sentence is made of effects alone. A verb that claims something (send, leave out, helps, makes no difference) is used
only for effects whose verdict is that word; numbers are quoted with their interval; what was not measured is told apart
from what the data cannot tell.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prefixbench.report.effects import INERT
from prefixbench.report.words import count_noun, format_interval, format_points, join_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from prefixbench.report.effects import Effect

FAR = 5.0
"""Points beyond which worse is called far worse."""
_OPEN = ("can’t tell", "not tested")
"""What is said of a difference without verdict: of an inconclusive one, and of one only described."""
MOST_NAMED = 3
"""Task types named one by one; more are counted."""


def name_type(task_type: str) -> str:
    """``pair classification`` of ``PairClassification``; an acronym stays one."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z]+|[a-z]+", task_type) or [task_type]
    return " ".join(word if word.isupper() and len(word) > 1 else word.lower() for word in words)


def quote(effect: Effect) -> str:
    """``+3.6 points [+2.2, +5.1]``."""
    return f"{format_points(effect.delta)} points {format_interval(effect.low, effect.high)}"


def _quote_all(effects: Sequence[Effect]) -> str:
    return join_words([f"{name_type(effect.task_type)} ({quote(effect)})" for effect in effects])


def _name_all(effects: Sequence[Effect], n_types: int, *, is_first: bool) -> str:
    """The task types by name, or their number: *the other* where something was said before of the rest."""
    if len(effects) <= MOST_NAMED:
        return join_words([name_type(effect.task_type) for effect in effects])
    if len(effects) == n_types:
        return f"all {n_types} task types"
    return f"{len(effects)} task types" if is_first else f"the other {len(effects)} task types"


def state_answer(types: Mapping[str, Effect], margin: float) -> str:
    """The answer of one model over its task types: what to send where, and where nobody knows."""
    if not types:
        return "This run did not measure the documented prefix against sending nothing."
    by_verdict: dict[str, list[Effect]] = {}
    for effect in sorted(types.values(), key=lambda effect: -abs(effect.delta)):
        by_verdict.setdefault(effect.verdict, []).append(effect)
    it = "the documented prefix"
    said: list[str] = []
    templates = {
        "helps": "send {it} for {quoted}",
        "hurts": "leave {it} out for {quoted}",
        "positive": "{it} gains on {quoted}, by how much is open",
        "negative": "{it} loses on {quoted}, by how much is open",
        "equivalent": f"{{it}} makes no difference beyond ±{margin:g} points for {{named}}",
        "inconclusive": "for {named} the data cannot tell",
        "described": "{named}: described, not tested",
        "same strings": "for {named} none is documented",
        "inert": "what is sent for {named} moves no vector, so nothing was measured",
    }
    for verdict, template in templates.items():
        effects = by_verdict.get(verdict)
        if effects:
            named = _name_all(effects, len(types), is_first=not said)
            said.append(template.format(it=it, quoted=_quote_all(effects), named=named))
            it = "it" if "{it}" in template else it
    if len(said) == 1 and set(by_verdict) == {"inconclusive"}:
        said = [f"{said[0]} whether the documented prefix matters"]
    return _finish("; ".join(said))


def state_pair(condition: str, baseline: str, types: Mapping[str, Effect], margin: float) -> str:
    """What one way of sending does against another, over a model's task types.

    Args:
        condition: What was sent, in plain words.
        baseline: What it is compared with, in plain words.
        types: Effects by task type.
        margin: Points within which a difference does not matter.
    """
    head = f"{condition} against {baseline}"
    if not types:
        return _finish(f"{head}: not measured")
    by_verdict: dict[str, list[Effect]] = {}
    for effect in sorted(types.values(), key=lambda effect: -abs(effect.delta)):
        by_verdict.setdefault(effect.verdict, []).append(effect)
    templates = {
        "helps": "helps {quoted}",
        "hurts": "hurts {quoted}",
        "positive": "gains on {quoted}, by how much is open",
        "negative": "loses on {quoted}, by how much is open",
        "equivalent": f"no difference beyond ±{margin:g} points for {{named}}",
        "inconclusive": "for {named} the data cannot tell",
        "described": "{named}: described, not tested",
        "same strings": "for {named} both send the same",
        "inert": "what is sent for {named} moves no vector, so nothing was measured",
    }
    told = [
        template.format(quoted=_quote_all(own), named=_name_all(own, len(types), is_first=True))
        for verdict, template in templates.items()
        if (own := by_verdict.get(verdict))
    ]
    return _finish(f"{head}: {'; '.join(told)}")


def _finish(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def state_inert(names: Sequence[str]) -> str:
    """Models whose vectors are the same with what is documented and without."""
    verb = "is" if len(names) == 1 else "are"
    return f"{join_words(list(names))} {verb} inert: what is sent moves no vector, so nothing was measured."


def state_undocumented(names: Sequence[str], instruction: Counter[str]) -> str:
    """Models that document no prefix, in one line; and what a plain instruction does to them all the same."""
    verb = "documents" if len(names) == 1 else "document"
    sentence = f"{join_words(list(names))} {verb} no prefix for these tasks"
    n = sum(instruction.values())
    if n:
        told = [f"{word} {instruction[word]}" for word in ("helps", "hurts") if instruction[word]] or ["shows nothing"]
        sentence += f"; a plain instruction {join_words(told)} of {count_noun(n, 'task')}"
    return f"{sentence}."


def state_models(by_type: Mapping[str, Sequence[Effect]], n_models: int, subject: str = "the documented prefix") -> str:
    """The answer over several models: where the subject helps or hurts how many of them, and by how much."""
    said: list[str] = []
    for verb, verdict in (("helps", "helps"), ("hurts", "hurts")):
        parts = []
        for task_type, effects in by_type.items():
            own = [effect.delta for effect in effects if effect.verdict == verdict]
            if own:
                measured = sum(effect.is_measured for effect in effects)
                parts.append(f"{name_type(task_type)} in {len(own)} of {measured} models ({_span(own)})")
        if parts:
            said.append(f"{subject if not said else 'it'} {verb} {join_words(parts)}")
    if not said:
        return f"For none of {count_noun(n_models, 'model')} the data can tell whether {subject} matters."
    hurts = any(effect.verdict == "hurts" for effects in by_type.values() for effect in effects)
    return _finish("; ".join(said) + ("" if hurts else "; it is shown to hurt nowhere"))


def _span(deltas: Sequence[float]) -> str:
    low, high = format_points(min(deltas)), format_points(max(deltas))
    return f"{low} points" if low == high else f"{low} to {high} points"


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to one of the four questions.

    Attributes:
        question: What is asked.
        verdict: Whose glyph and colour it takes; empty where nothing was measured.
        word: The answer in a few words.
        detail: The numbers it rests on.
        anchor: Its fragment identifier.
    """

    question: str
    verdict: str
    word: str
    detail: str
    anchor: str


ADD, INDEX, MIX, WORDS = (
    "Add the documented prefix?",
    "My index was built without it. Re-index?",
    "What if prefixes get mixed up?",
    "Is it the words, or just any tokens?",
)


def reply_add(types: Mapping[str, Effect]) -> Reply:
    """Whether to add the documented prefix, by task type."""
    effects = sorted(types.values(), key=lambda effect: -abs(effect.delta))
    measured = [effect for effect in effects if effect.is_measured]
    if not effects:
        return Reply(ADD, "", "not measured", "add --conditions none,correct", "add")
    if not measured and any(one.verdict == INERT for one in effects):
        return Reply(ADD, INERT, "it does nothing", "what is sent moves no vector: nothing was measured", "add")
    if not measured:
        return Reply(ADD, "same strings", "there is none", "no prefix is documented for these tasks", "add")
    groups = {verdict: [one for one in measured if one.verdict == verdict] for verdict in ("helps", "hurts")}
    rest = [one for one in measured if one.verdict not in groups or not groups[one.verdict]]
    tail = _tell_rest(rest)
    if groups["helps"] and groups["hurts"]:
        word, verdict = "depends on the task", "inconclusive"
    elif groups["helps"] or groups["hurts"]:
        verdict = "helps" if groups["helps"] else "hurts"
        named = join_words([name_type(one.task_type) for one in groups[verdict][:2]])
        named = named if len(groups[verdict]) <= 2 else f"{len(groups[verdict])} task types"
        word = f"yes, for {named}" if verdict == "helps" else f"no, not for {named}"
    elif all(one.verdict == "equivalent" for one in measured):
        return Reply(ADD, "equivalent", "makes no difference", tail, "add")
    elif all(one.verdict == "described" for one in measured):
        return Reply(ADD, "described", _OPEN[True], tail, "add")
    else:
        return Reply(ADD, "inconclusive", _OPEN[False], tail, "add")
    told = [
        f"{verb} {_quote_all(own)}" for verb, own in (("helps", groups["helps"]), ("hurts", groups["hurts"])) if own
    ]
    return Reply(ADD, verdict, word, "; ".join([*told, *([tail] if tail else [])]), "add")


def _tell_rest(effects: Sequence[Effect]) -> str:
    """``reranking, clustering: inconclusive``."""
    groups: dict[str, list[str]] = {}
    for effect in effects:
        groups.setdefault(effect.verdict, []).append(name_type(effect.task_type))
    return "; ".join(f"{', '.join(names)}: {verdict}" for verdict, names in groups.items())


def reply_index(step: Effect | None, parts: Mapping[str, Effect | None], *, has_roles: bool) -> Reply:
    """Whether an index built without the prefix is worth embedding again.

    Args:
        step: ``correct`` against ``query-only``: what the documents' prefix adds where queries have theirs.
        parts: ``query-only``, ``correct`` and ``mixed`` conditions against nothing, by name, on the same tasks.
        has_roles: Whether any task of the run searches an index.
    """
    if step is None:
        if not has_roles:
            return Reply(INDEX, "", "does not arise", "no task here searches an index", "side")
        return Reply(INDEX, "", "not measured", "add --conditions query-only", "side")
    if step.verdict == INERT:
        return Reply(INDEX, INERT, "not measured", "what is sent moves no vector", "side")
    if not step.is_measured:
        return Reply(INDEX, "same strings", "no, keep it", "its documents take no prefix", "side")
    word = {
        "helps": "yes, re-index",
        "hurts": "no, keep it",
        "equivalent": "no, keep it",
        "positive": "gains, size open",
        "negative": "loses, size open",
    }.get(step.verdict, _OPEN[step.verdict == "described"])
    told = [f"documents too: {quote(step)}"]
    for name, label in (("query-only", "queries only"), ("correct", "both sides")):
        effect = parts.get(name)
        if effect is not None and effect.is_measured:
            told.append(f"{label} {format_points(effect.delta)}")
    told += [
        f"{float(name.partition(':')[2]):.0%} of the index old {format_points(effect.delta)}".replace("%", " %")
        for name, effect in parts.items()
        if name.startswith("mixed:") and effect is not None and effect.is_measured
    ]
    return Reply(INDEX, step.verdict, word, f"{name_type(step.task_type)}, {'; '.join(told)}", "side")


def reply_mix(mistakes: Mapping[str, Effect]) -> Reply:
    """What a mix-up of prefixes costs against sending nothing: the worst one, and the mildest.

    Args:
        mistakes: Effects against nothing by what was sent, in plain words.
    """
    measured = {label: effect for label, effect in mistakes.items() if effect.is_measured}
    if not measured:
        return Reply(MIX, "", "not measured", "add --conditions wrong,swapped", "mixup")
    ordered = sorted(measured.items(), key=lambda pair: pair[1].delta)
    hurting = [pair for pair in ordered if pair[1].verdict == "hurts"]
    label, worst = (hurting or ordered)[0]
    word = {
        "hurts": "far worse than none" if worst.high < -FAR else "worse than none",
        "negative": "loses, size open",
        "equivalent": "no harm shown",
        "helps": "still better than none",
        "positive": "gains, size open",
    }.get(worst.verdict, _OPEN[worst.verdict == "described"])
    told = [f"{name_type(worst.task_type)}, {label}: {quote(worst)}"]
    if ordered[-1][0] != label:
        mildest, effect = ordered[-1]
        told.append(f"{mildest}: {format_points(effect.delta)}, {effect.verdict}")
    return Reply(MIX, worst.verdict, word, "; ".join(told), "mixup")


def reply_words(against: Effect | None, alone: Effect | None) -> Reply:
    """Whether the prefix works by its words or by any tokens.

    Args:
        against: ``correct`` against ``placebo``.
        alone: ``placebo`` against nothing, on the same tasks.
    """
    if against is None or not against.is_measured:
        return Reply(WORDS, "", "not measured", "add --conditions placebo", "meaning")
    word = {
        "helps": "the words",
        "hurts": "tokens do better",
        "equivalent": "any tokens do",
        "positive": "the words, size open",
        "negative": "tokens, size open",
    }.get(against.verdict, _OPEN[against.verdict == "described"])
    told = f"{name_type(against.task_type)}, the words against random tokens: {quote(against)}"
    if alone is not None and alone.is_measured:
        told += f"; random tokens against none: {format_points(alone.delta)}, {alone.verdict}"
    return Reply(WORDS, against.verdict, word, told, "meaning")


def tally_replies(replies: Sequence[Reply]) -> Reply:
    """One reply for several models: how many get which answer."""
    counts = Counter(reply.word for reply in replies if reply.verdict)
    if not counts:
        return replies[0]
    first = counts.most_common(1)[0][0]
    told = [f"{word}: {count_noun(n, 'model')}" for word, n in counts.most_common()]
    missing = sum(not reply.verdict for reply in replies)
    told += [f"not measured: {count_noun(missing, 'model')}"] if missing else []
    verdict = next(reply.verdict for reply in replies if reply.word == first)
    word = first if len(counts) == 1 and not missing else "differs by model"
    return Reply(
        replies[0].question, verdict if len(counts) == 1 else "inconclusive", word, "; ".join(told), replies[0].anchor
    )


def state_surprise(effect: Effect, kind: str) -> str:
    """One result that went against what was expected beforehand."""
    head = {
        "prefix": "The documented prefix does harm",
        "wrong": "Another task’s prefix beats the documented one",
        "instruction": "A plain instruction beats the documented prefix",
        "placebo": "Random tokens do better than nothing",
        "side": "Leaving the documents bare beats the documented prefix",
    }[kind]
    return f"{head}: {name_type(effect.task_type)}, {effect.name}, {quote(effect)}, {effect.verdict}."


def state_disagreement(model: str, name: str, told: Sequence[tuple[str, Effect]]) -> str:
    """One model on which two runs hold opposite verdicts."""
    parts = [f"{run} {effect.verdict} ({format_points(effect.delta)})" for run, effect in told]
    return f"{model} on {name}: {join_words(parts)}."
