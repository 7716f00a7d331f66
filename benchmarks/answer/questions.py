"""Five questions, a sentence and a figure each; and what the answers mean for someone who runs one of the models."""

from __future__ import annotations

from collections.abc import Iterable

from prefixbench.analysis.drift import Row
from prefixbench.report.answer import ModelAnswer
from prefixbench.report.effects import Effect
from prefixbench.report.markdown import escape
from prefixbench.report.sentences import name_type, quote
from prefixbench.report.ways import name_way
from prefixbench.report.words import format_interval, format_points, join_words

from benchmarks.answer.evidence import Made, name_model

QUESTIONS = (
    ("send", "Should the documented prefix be sent?"),
    ("index", "My index was built without it: does it have to be embedded again?"),
    ("mix-up", "What does a mix-up cost?"),
    ("words", "Is it the words, or would any tokens do?"),
    ("threshold", "Does a threshold on similarities survive?"),
)
"""The stem of each question's figure, and the question."""


def tell_questions(made: Made) -> str:
    """The answer in five sentences with a figure each."""
    lines = ["## The answer", ""]
    sentences = (
        [f"{name_model(one.name)}: {_lower(one.sentence)}" for one in made.answer.models],
        *([_tell_reply(one, number) for one in made.answer.models] for number in (1, 2, 3)),
        [tell_threshold(made, one) for one in made.answer.models],
    )
    for number, ((stem, question), told) in enumerate(zip(QUESTIONS, sentences, strict=True), 1):
        said = "; ".join(one.rstrip(".") for one in told)
        lines += [f"{number}. **{question}** {escape(said)}.", "", f"   ![{question}](answer/{stem}.png)", ""]
    margin = f"{made.answer.margin:g}"
    lines.append(
        f"Points are hundredths of a task's main score; within ±{margin} nothing matters. Filled marks are verdicts, "
        "hollow ones leave size or direction open; intervals are those that decide."
    )
    return "\n".join(lines) + "\n"


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _tell_reply(model: ModelAnswer, number: int) -> str:
    reply = model.replies[number]
    return f"{name_model(model.name)}: {reply.word} ({reply.detail})"


def tell_threshold(made: Made, model: ModelAnswer) -> str:
    """How far similarities move, and what a threshold set without prefix then does."""
    rows = made.drift_of(model)
    name = name_model(model.name)
    if not rows:
        return f"{name}: not measured"
    largest = max(rows, key=lambda row: abs(row["cosine_shift"]))
    own = [row for row in rows if row["condition"] == "correct"]
    told = [f"{_shift(row)} on {row['task']}" for row in own]
    text = f"{name}: the documented prefix moves the mean cosine by {join_words(told)}" if told else name
    if largest["condition"] != "correct":
        way = name_way(largest["condition"])
        text += f", {way} by {_shift(largest)} on {largest['task']}"
    called = [row for row in own if row["share_alike"] == row["share_alike"]]  # graded pairs have no threshold
    text += "".join(f"; {_calls(row)}" for row in called)
    return text


def _shift(row: Row) -> str:
    return f"{format_points(row['cosine_shift'], 3)} {format_interval(row['cosine_low'], row['cosine_high'], 3)}"


def _calls(row: Row) -> str:
    """Which pairs a threshold kept from before now calls alike, and how often rightly."""
    return (
        f"with the threshold that was best without it, {100 * row['share_alike']:.0f} % of {row['task']}’s pairs are "
        f"called alike instead of {100 * row['share_alike_before']:.0f} %, accuracy "
        f"{format_points(row['accuracy_points'])} points "
        f"{format_interval(row['accuracy_low_adjusted'], row['accuracy_high_adjusted'])}, {row['verdict']}"
    )


def tell_use(made: Made) -> str:
    """What the verdicts mean for someone who runs one of the models today."""
    parts = []
    for model in made.answer.models:
        _, index, mix, _ = model.replies
        lines = [f"## If you run {name_model(model.name)} today", "", *_tell_send(model)]
        lines.append(f"- An index built without the prefix: {escape(index.word)} ({escape(index.detail)}).")
        lines.append(f"- A mix-up in search: {escape(mix.word)} ({escape(mix.detail)}).")
        lines += [f"- {text}." for text in _tell_wrong(made, model)]
        lines += [f"- {escape(text)}." for text in _tell_symmetric_mix(model)]
        lines.append(f"- Thresholds: {escape(tell_threshold(made, model).partition(': ')[2])}.")
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


_SEND = {
    "helps": "Send the documented prefix for",
    "hurts": "Leave the documented prefix out for",
    "equivalent": "It makes no difference that matters for",
    "positive": "It gains, by how much is open, for",
    "negative": "It loses, by how much is open, for",
    "inconclusive": "The data cannot tell whether to send it for",
    "described": "Measured but not tested, too few independent units:",
}


def _tell_send(model: ModelAnswer) -> Iterable[str]:
    for verdict, words in _SEND.items():
        own = [effect for effect in model.types.values() if effect.verdict == verdict]
        if own:
            told = join_words([f"{name_type(effect.task_type)} ({quote(effect)})" for effect in own])
            yield f"- {words} {escape(told)}."


def _tell_wrong(made: Made, model: ModelAnswer) -> Iterable[str]:
    """Another task's prefix in search, task by task, with what was sent: a mean of tasks far apart tells of neither."""
    effects = [one for one in model.reading.tasks("wrong") if one.task_type == _main_type(model) and one.is_measured]
    if len(effects) < 2:
        return
    told = []
    for effect in effects:
        name = effect.name.partition(":")[0]
        sent = {
            f"`{prefix}`"
            for row in made.run.results
            if row.model == model.name and row.task == name and "wrong" in row.conditions
            for prefix in (row.pair.query.prefix, row.pair.document.prefix)
        }
        told.append(f"{escape(effect.name)} {escape(quote(effect))} ({' and '.join(sorted(sent))})")
    yield f"{name_way('wrong').capitalize()} in search, task by task: {join_words(told)}"


def _tell_symmetric_mix(model: ModelAnswer) -> Iterable[str]:
    """What another task's prefix and a plain instruction do where texts have no roles."""
    for condition in ("wrong", "instruction"):
        effects = model.reading.types(condition)
        shown = [one for name, one in effects.items() if name != _main_type(model) and one.verdict != "inconclusive"]
        measured = [one for one in shown if one.is_measured]
        if measured:
            told = join_words([_tell_effect(one) for one in measured])
            yield f"{name_way(condition).capitalize()} against none elsewhere: {told}"


def _main_type(model: ModelAnswer) -> str:
    return model.ladders[0].task_type if model.ladders else ""


def _tell_effect(effect: Effect) -> str:
    return f"{name_type(effect.task_type)} {quote(effect)}, {effect.verdict}"
