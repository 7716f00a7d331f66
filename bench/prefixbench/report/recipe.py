"""The strings that won, by the verdicts, with the evidence for each; and settings and a paragraph to paste."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prefixbench.errors import SpecError, describe_unknown_name
from prefixbench.plain import escape_markdown
from prefixbench.report.copying import list_prompts
from prefixbench.report.effects import INERT, SAME
from prefixbench.report.one_model import load_model
from prefixbench.report.sentences import name_type, quote
from prefixbench.report.snippets import TOOLS, Strings, list_tools, write_literal, write_snippet
from prefixbench.report.ways import name_way
from prefixbench.report.words import clean_text, count_noun, join_words, show_prefix
from prefixbench.screen import wrap

if TYPE_CHECKING:
    from pathlib import Path

    from prefixbench.report.copying import Prompt
    from prefixbench.report.effects import Effect, Pair, Reading
    from prefixbench.report.evidence import Evidence

CARD = "card"
"""What ``--for`` takes besides the tools: the paragraph for a model card."""

SENDABLE = ("query-only", "document-only", "instruction", "custom", "paraphrase", "wrong", "cross", "foreign", "mteb")
"""Kinds of conditions that someone might send; placebos and spelling mistakes are measured, not sent."""

_OPEN = {
    "positive": "gains, size open",
    "negative": "loses, size open",
    "inconclusive": "nothing shown",
    "described": "described, not tested",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """What to send on one task type.

    Attributes:
        task_type: mteb's.
        condition: The condition whose strings won, or ``correct`` where nothing is shown.
        why: The evidence in one line.
        effect: The difference it rests on; ``None`` where none was computed.
    """

    task_type: str
    condition: str
    why: str
    effect: Effect | None

    @property
    def is_shown(self) -> bool:
        """Whether a verdict stands behind it."""
        return self.effect is not None and self.effect.is_decided


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to send to one model.

    Attributes:
        model: Its name.
        run: The run's name.
        choices: One a task type.
        prompts: The strings.
        margin: Points within which a difference does not matter.
        version: Of the program.
    """

    model: str
    run: str
    choices: tuple[Choice, ...]
    prompts: tuple[Prompt, ...]
    margin: float
    version: str

    @property
    def strings(self) -> Strings:
        """The strings by key."""
        return Strings(self.model, {one.key: one.prefix for one in self.prompts})


def load_recipe(path: Path, model: str | None = None) -> Recipe:
    """Read a run and choose what to send to one of its models.

    Args:
        path: The results folder.
        model: Which; not needed where the run holds one.

    Raises:
        ResultsError: The folder cannot be read.
        SpecError: No such model, or several and none named.
    """
    one = load_model(path, model, _choose_pairs)
    choices = tuple(_choose(one.reading, task_type, one.evidence) for task_type in one.task_types)
    condition_of = {choice.task_type: choice.condition for choice in choices}
    prompts = list_prompts(one.reading, one.evidence, condition_of.__getitem__)
    margin = one.settings.smallest_effect
    return Recipe(one.reading.model, one.run.name, choices, prompts, margin, one.evidence.version)


def _choose_pairs(conditions: list[str]) -> tuple[Pair, ...]:
    return tuple((name, baseline) for name in conditions if _is_sendable(name) for baseline in ("correct", "none"))


def _is_sendable(condition: str) -> bool:
    return condition.partition("+")[0].partition(":")[0] in SENDABLE


def _choose(reading: Reading, task_type: str, evidence: Evidence) -> Choice:
    """What the documented string comes to, unless another is shown to beat it."""
    documented = reading.types("correct").get(task_type)
    stays = documented is None or documented.verdict not in {"hurts", "negative"}
    sent = {
        name for row in evidence.results_of(reading.members) if row.task_type == task_type for name in row.conditions
    }
    baseline = "correct" if stays and "correct" in sent else "none"
    tried = {
        name: effect
        for name in evidence.conditions
        if _is_sendable(name) and (effect := reading.types(name, baseline).get(task_type)) is not None
    }
    better = {name: effect for name, effect in tried.items() if effect.verdict == "helps"}
    if better:
        best = max(better, key=lambda name: better[name].delta)
        return Choice(task_type, best, _tell_better(best, better[best], baseline, len(tried)), better[best])
    return Choice(task_type, baseline, _tell_documented(documented, baseline), documented)


def _tell_better(name: str, effect: Effect, baseline: str, n_tried: int) -> str:
    over = "what is documented" if baseline == "correct" else "nothing"
    told = f"{name_way(name)}: beats {over} by {quote(effect)} ({_name_tasks(effect)})"
    return (
        told
        if n_tried < 2
        else f"{told}, best of {n_tried}; `prefixbench choose` judges it by items it was not picked on"
    )


def _tell_documented(effect: Effect | None, baseline: str) -> str:
    if effect is None:
        told = (
            "was not compared with nothing" if baseline == "correct" else "was not sent, nothing else was shown to help"
        )
        return f"{name_way(baseline)}: the documented prefix {told} in this run"
    if effect.verdict == INERT:
        return "nothing: what is documented moves no vector here"
    if effect.verdict == SAME:
        return "nothing: no prefix is documented"
    numbers = f"{quote(effect)} against nothing ({_name_tasks(effect)})"
    if baseline == "none":
        return f"nothing: the documented prefix {_OPEN.get(effect.verdict, effect.verdict)}, {numbers}"
    if effect.verdict == "equivalent":
        return f"as documented: makes no difference that matters, {numbers}"
    return f"as documented: {_OPEN.get(effect.verdict, effect.verdict)}, {numbers}"


def _name_tasks(effect: Effect) -> str:
    return effect.tasks[0] if len(effect.tasks) == 1 else count_noun(len(effect.tasks), "task")


def render_recipe(recipe: Recipe, tool: str | None = None) -> str:
    """The strings, why, and their settings.

    Args:
        recipe: What to send.
        tool: One tool, or the paragraph for a model card, and nothing else; a screenful where absent.

    Raises:
        SpecError: No such tool, or one that these strings do not fit.
    """
    known = list_tools(recipe.strings)
    if tool is None:
        settings = [write_snippet(name, recipe.strings) for name in ("config", "python")]
        others = join_words([*(name for name in known if name not in {"config", "python"}), CARD])
        parts = [_render_strings(recipe), *(f"{one.tool}\n\n{textwrap.indent(one.code, '  ')}" for one in settings)]
        return "\n\n".join([*parts, "\n".join(wrap(f"--for prints settings for one tool alone: {others}", ""))]) + "\n"
    if tool == CARD:
        return write_card(recipe)
    if tool in TOOLS and tool not in known:
        raise SpecError(
            f"--for {tool}: this run has no task with queries and documents; choices: {', '.join((*known, CARD))}."
        )
    if tool not in known:
        raise SpecError(describe_unknown_name("tool", tool, (*known, CARD), "--for"))
    return write_snippet(tool, recipe.strings).code + "\n"


def _render_strings(recipe: Recipe) -> str:
    lines = [clean_text(f"{recipe.model}, by {recipe.run}"), ""]
    for one in recipe.prompts:
        label = one.uses if one.key in {"query", "document"} else ""
        lines.append(clean_text(f"  {one.key:<20} {one.shown}  {label}").rstrip())
        lines += [f"  {'':<20} with {one.extras}: the settings below do not set it"] if one.extras else []
    if any(show_prefix(one.prefix) != one.shown for one in recipe.prompts):
        lines.append("  {title} is the document's own title, or none where it has none, as the settings below have it")
    lines.append("")
    for choice in recipe.choices:
        lines += wrap(f"{name_type(choice.task_type)}: {choice.why}", "  ")
    return "\n".join(lines)


def write_card(recipe: Recipe) -> str:
    """A paragraph for the model's card: the strings and every verdict, decided or not."""
    strings = [
        f"- {f'`{write_literal(one.prefix)}`' if one.prefix else 'nothing'} ({one.key}: {escape_markdown(one.uses)})"
        for one in recipe.prompts
    ]
    verdicts = [f"- {name_type(choice.task_type)}: {escape_markdown(choice.why)}" for choice in recipe.choices]
    return "\n".join(
        [
            "## Task prefix",
            "",
            "What to send before the text:",
            "",
            *map(clean_text, strings),
            "",
            f"How that was found (prefixbench {recipe.version}; paired over items, intervals corrected in the model, "
            f"differences within ±{recipe.margin:g} points count as none):",
            "",
            *map(clean_text, verdicts),
            "",
        ]
    )


def recipe_to_json(recipe: Recipe) -> dict[str, object]:
    """The same for a program: strings, choices and every tool's settings."""
    return {
        "model": recipe.model,
        "run": recipe.run,
        "prompts": {one.key: one.prefix for one in recipe.prompts},
        "extras": {one.key: one.extras for one in recipe.prompts if one.extras},
        "choices": [
            {
                "task_type": one.task_type,
                "condition": one.condition,
                "verdict": None if one.effect is None else one.effect.verdict,
                "shown": one.is_shown,
                "why": one.why,
            }
            for one in recipe.choices
        ],
        "settings": {name: write_snippet(name, recipe.strings).code for name in list_tools(recipe.strings)},
        "card": write_card(recipe),
    }
