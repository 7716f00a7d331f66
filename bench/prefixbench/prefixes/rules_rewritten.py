"""Conditions that rewrite the documented text: other words, another order, another wording, the usual typo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from prefixbench.errors import InexpressibleError, SpecError
from prefixbench.prefixes.documentation import as_prefix, plain_side
from prefixbench.prefixes.rewriting import draw_dose, draw_placebo, mangle, seeded_rng, shuffle_words
from prefixbench.prefixes.rule_context import RuleContext, base_pair, documented_text, map_sides
from prefixbench.prefixes.sources import SideSource, SourcedPair, SourcedSide
from prefixbench.prefixes.vocabulary import Vocabulary
from prefixbench.prefixes.wordings import N_PARAPHRASES


def send_placebo(context: RuleContext) -> SourcedPair:
    """Whether it is the meaning, or only length and position: as many random tokens as correct has, or as named."""
    vocabulary = context.vocabulary
    if context.condition.argument is not None:
        return _send_dose(context, _needed(vocabulary, context.model), int(context.condition.argument))
    correct = documented_text(context)
    vocabulary = _needed(vocabulary, context.model)

    def random_words(side: SourcedSide) -> SourcedSide:
        prefix = side.side.prefix_for(None)
        if not prefix:
            return side
        drawn = draw_placebo(prefix, vocabulary, seeded_rng(context.seed, context.model, prefix))
        citation = f"random vocabulary words, {vocabulary.count_tokens(drawn)} tokens as {prefix!r} has"
        text = replace(side.side, prefix=drawn, title_slot=False)
        return SourcedSide(text, SideSource("rule", citation), "placebo")

    return map_sides(correct, random_words, f"random tokens, seeded with {context.seed}")


def _send_dose(context: RuleContext, vocabulary: Vocabulary, n_tokens: int) -> SourcedPair:
    drawn = draw_dose(n_tokens, vocabulary, seeded_rng(context.seed, context.model, "placebo", str(n_tokens)))
    source = SideSource("rule", f"random vocabulary words, {n_tokens} tokens")

    def before(base: SourcedSide) -> SourcedSide:
        return SourcedSide(plain_side(drawn, base.side), source, "placebo")

    return map_sides(base_pair(context), before, f"random tokens, seeded with {context.seed}")


def _needed(vocabulary: Vocabulary | None, model: str) -> Vocabulary:
    if vocabulary is None:
        raise InexpressibleError(
            f"a placebo needs the tokenizer.json of {model}, which is not at hand; download the model first"
        )
    return vocabulary


def send_shuffled(context: RuleContext) -> SourcedPair:
    """Whether it is the exact string: the same words in another order."""
    correct = documented_text(context)

    def shuffled(prefix: str) -> str | None:
        return shuffle_words(prefix, seeded_rng(context.seed, context.model, prefix, "shuffled"))

    return _rewrite(correct, shuffled, "shuffled", "its words have only one order")


def send_mangled(context: RuleContext) -> SourcedPair:
    """Robustness to the usual typo: no trailing space, a dot for an underscore, lower case, all at once."""
    return _rewrite(documented_text(context), mangle, "mangled", "no usual typo changes it")


def send_paraphrase(context: RuleContext) -> SourcedPair:
    """Sensitivity to wording: the Nth of five rewordings written by hand for this task type."""
    number = int(context.condition.argument or 0)
    if not 1 <= number <= N_PARAPHRASES:
        raise SpecError(f"paraphrase:{number} does not exist; there are paraphrase:1 to paraphrase:{N_PARAPHRASES}")
    correct = documented_text(context)
    rewordings = context.wordings.paraphrases.get(context.task.task_type)
    if rewordings is None:
        raise InexpressibleError(f"tasks/paraphrases.toml has no rewordings for {context.task.task_type}")
    source = SideSource("paraphrases", f"tasks/paraphrases.toml, [{context.task.task_type}], number {number}")
    sentence = rewordings.instruction[number - 1]
    rule = f"rewording {number} of {N_PARAPHRASES}"
    if correct.query.instruction is not None:
        reworded = context.documentation.instructed(sentence, sentence, source, context.task)
        return replace(reworded, rule=rule)
    labels = (rewordings.query[number - 1], (rewordings.document or rewordings.query)[number - 1])
    if context.documentation.wording == "sentence":
        labels = (as_prefix(sentence), labels[1])

    def reword(side: SourcedSide, label: str) -> SourcedSide:
        if not side.side.prefix:
            return side
        return SourcedSide(replace(side.side, prefix=label, title_slot=False), source, "paraphrase")

    query = reword(correct.query, labels[0])
    document = reword(correct.document, labels[1]) if context.task.has_roles else query
    return SourcedPair(query, document, rule)


def _rewrite(pair: SourcedPair, rewrite: Callable[[str], str | None], name: str, refusal: str) -> SourcedPair:
    """Apply a rewriting to each side that it changes; a side it cannot change stays, and is named."""
    kept: list[str] = []

    def rewritten(side: SourcedSide) -> SourcedSide:
        prefix = rewrite(side.side.prefix) if side.side.prefix else None
        if prefix is None:
            kept.append(side.side.prefix)
            return side
        text = replace(side.side, prefix=prefix, title_slot="{title}" in prefix)
        return SourcedSide(text, SideSource("rule", f"{name} from {side.source.citation}", side.source.certain), name)

    changed = map_sides(pair, rewritten, f"the documented prefix, {name}")
    strings = [prefix for prefix in kept if prefix]
    if changed.sides == pair.sides:
        raise InexpressibleError(f"the prefix {strings[0]!r} cannot be {name}: {refusal}")
    return replace(changed, notes=tuple(f"{prefix!r} stays as it is: {refusal}" for prefix in strings))
