"""The conditions: one small rule each, from a model's documentation to what both roles send."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from bench.errors import InexpressibleError, SpecError, describe_unknown_name
from bench.prefixes.documentation import Documentation, as_prefix, plain_side
from bench.prefixes.rewriting import draw_placebo, mangle, seeded_rng, shuffle_words
from bench.prefixes.sources import SideSource, SourcedPair, SourcedSide
from bench.prefixes.vocabulary import Vocabulary
from bench.prefixes.wordings import N_PARAPHRASES, Wordings
from bench.spec.conditions import Condition, ConditionKind, Role
from bench.spec.sweep import CustomPrefix
from bench.spec.tasks import TaskFacts


@dataclass(frozen=True, slots=True)
class RuleContext:
    """What a rule may look at.

    Attributes:
        documentation: The model's own.
        task: The task.
        condition: The condition, with its argument.
        wordings: Sentences written by hand.
        custom: The user's own prefixes by name.
        vocabulary: The model's tokenizer, where its files are at hand.
        seed: The run's seed.
        foreign: Finds another family's documentation; by name, or the default one for this model.
        registry: Finds what mteb's registry says of this model.
    """

    documentation: Documentation
    task: TaskFacts
    condition: Condition
    wordings: Wordings
    custom: Mapping[str, CustomPrefix]
    vocabulary: Vocabulary | None
    seed: int
    foreign: Callable[[str | None], Documentation]
    registry: Callable[[], Documentation]

    @property
    def model(self) -> str:
        """The model's name."""
        return self.documentation.model


Rule = Callable[[RuleContext], SourcedPair]


def send_nothing(context: RuleContext) -> SourcedPair:
    """The baseline sends nothing, so that every other condition has something to be compared with."""
    return SourcedPair.same(context.documentation.nothing(), "none sends nothing")


def send_documented(context: RuleContext) -> SourcedPair:
    """What the vendor promises: the documented prefix for this task and role."""
    return context.documentation.documented(context.task)


def send_wrong(context: RuleContext) -> SourcedPair:
    """The harm of a mix-up: another use's prefix of the same model, from a fixed map or named."""
    correct = _documented_text(context)
    if context.condition.argument is not None:
        borrowed = context.documentation.borrowed(context.condition.argument, context.task)
        if borrowed.sides == correct.sides:
            raise InexpressibleError(
                f"{context.condition} is the right prefix of {context.model} for {context.task.task_type}"
            )
        return borrowed
    mismatch = context.wordings.mismatches.get(context.task.task_type)
    if mismatch is None:
        raise InexpressibleError(f"tasks/mismatches.toml names no wrong prefix for {context.task.task_type}")
    for use in mismatch.borrow:
        if use not in context.documentation.borrowable:
            continue
        borrowed = context.documentation.borrowed(use, context.task)
        if borrowed.sides != correct.sides:
            return replace(borrowed, rule=f"tasks/mismatches.toml borrows {use}: {mismatch.reason}")
    raise InexpressibleError(
        f"{context.model} documents no prefix that would be wrong for {context.task.task_type}: "
        f"every one it has is the right one"
    )


def send_named_use(context: RuleContext) -> SourcedPair:
    """One cell of the full cross: a named use's prefix, whatever the task."""
    if not context.documentation.borrowable:
        raise InexpressibleError(f"{context.model} documents no prefix, so there is none to cross")
    if context.condition.argument is None:
        raise SpecError("the condition 'cross' stands for several; expand it before resolving it")
    return context.documentation.borrowed(context.condition.argument, context.task)


def send_instruction(context: RuleContext) -> SourcedPair:
    """Whether plain words do it too: the task's instruction, in the model's template if it has one."""
    words, source = context.wordings.instruction_for(context.task)
    document, _ = context.wordings.instruction_for(context.task, Role.DOCUMENT)
    return context.documentation.instructed(words, document, source, context.task)


def send_query_only(context: RuleContext) -> SourcedPair:
    """Whether a live index can be left alone: the query's prefix, and nothing on documents."""
    correct = _documented_roles(context)
    return replace(correct, document=context.documentation.nothing(), rule="correct for queries, nothing for documents")


def send_document_only(context: RuleContext) -> SourcedPair:
    """The other half: the document's prefix, and nothing on queries."""
    correct = _documented_roles(context)
    return replace(correct, query=context.documentation.nothing(), rule="correct for documents, nothing for queries")


def send_swapped(context: RuleContext) -> SourcedPair:
    """The commonest bug: queries embedded as documents and documents as queries."""
    correct = _documented_roles(context)
    if correct.query.side == correct.document.side:
        raise InexpressibleError(f"{context.model} sends the same for queries and documents; swapping changes nothing")
    return replace(
        correct, query=correct.document, document=correct.query, rule="the two documented prefixes change sides"
    )


def send_foreign(context: RuleContext) -> SourcedPair:
    """A copied snippet: another family's documented prefix, as plain text."""
    other = context.foreign(context.condition.argument)
    theirs = other.documented(context.task)
    if not any(side.prefix for side in theirs.sides):
        raise InexpressibleError(f"the family {other.family} documents no text for {context.task.task_type} to copy")
    base = _base(context)

    def copied(side: SourcedSide) -> SourcedSide:
        text = replace(plain_side(side.side.prefix, base.side), title_slot=side.side.title_slot)
        return replace(side, side=text, use=f"foreign:{other.family}")

    return _map_sides(theirs, copied, f"the documented prefix of {other.model}, copied")


def send_placebo(context: RuleContext) -> SourcedPair:
    """Whether it is the meaning, or only length and position: as many random tokens as correct has."""
    correct = _documented_text(context)
    vocabulary = context.vocabulary
    if vocabulary is None:
        raise InexpressibleError(
            f"a placebo needs the tokenizer.json of {context.model}, which is not at hand; download the model first"
        )

    def random_words(side: SourcedSide) -> SourcedSide:
        prefix = side.side.prefix_for(None)
        if not prefix:
            return side
        drawn = draw_placebo(prefix, vocabulary, seeded_rng(context.seed, context.model, prefix))
        citation = f"random vocabulary words, {vocabulary.count_tokens(drawn)} tokens as {prefix!r} has"
        text = replace(side.side, prefix=drawn, title_slot=False)
        return SourcedSide(text, SideSource("rule", citation), "placebo")

    return _map_sides(correct, random_words, f"random tokens, seeded with {context.seed}")


def send_shuffled(context: RuleContext) -> SourcedPair:
    """Whether it is the exact string: the same words in another order."""
    correct = _documented_text(context)

    def shuffled(prefix: str) -> str | None:
        return shuffle_words(prefix, seeded_rng(context.seed, context.model, prefix, "shuffled"))

    return _rewrite(correct, shuffled, "shuffled", "its words have only one order")


def send_mangled(context: RuleContext) -> SourcedPair:
    """Robustness to the usual typo: no trailing space, a dot for an underscore, lower case, all at once."""
    return _rewrite(_documented_text(context), mangle, "mangled", "no usual typo changes it")


def send_paraphrase(context: RuleContext) -> SourcedPair:
    """Sensitivity to wording: the Nth of five rewordings written by hand for this task type."""
    number = int(context.condition.argument or 0)
    if not 1 <= number <= N_PARAPHRASES:
        raise SpecError(f"paraphrase:{number} does not exist; there are paraphrase:1 to paraphrase:{N_PARAPHRASES}")
    correct = _documented_text(context)
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


def send_mteb(context: RuleContext) -> SourcedPair:
    """Leaderboard against model card: what mteb's own registry applies."""
    return context.registry().documented(context.task)


def send_custom(context: RuleContext) -> SourcedPair:
    """The user's own question: the strings named in the spec or on the command line."""
    name = context.condition.argument or ""
    if name not in context.custom:
        raise SpecError(describe_unknown_name("custom prefix", name, context.custom, "sweep.custom"))
    own, base = context.custom[name], _base(context)
    source = SideSource("custom", f"the custom prefix {name!r} of the sweep")
    query = SourcedSide(plain_side(own.query, base.side), source, "custom")
    if not context.task.has_roles:
        return SourcedPair.same(query, "the query's string, since the task has no roles")
    return SourcedPair(query, SourcedSide(plain_side(own.document, base.side), source, "custom"), "as given")


RULES: Mapping[ConditionKind, Rule] = {
    ConditionKind.NONE: send_nothing,
    ConditionKind.CORRECT: send_documented,
    ConditionKind.WRONG: send_wrong,
    ConditionKind.CROSS: send_named_use,
    ConditionKind.INSTRUCTION: send_instruction,
    ConditionKind.QUERY_ONLY: send_query_only,
    ConditionKind.DOCUMENT_ONLY: send_document_only,
    ConditionKind.SWAPPED: send_swapped,
    ConditionKind.FOREIGN: send_foreign,
    ConditionKind.PLACEBO: send_placebo,
    ConditionKind.SHUFFLED: send_shuffled,
    ConditionKind.PARAPHRASE: send_paraphrase,
    ConditionKind.MANGLED: send_mangled,
    ConditionKind.MTEB: send_mteb,
    ConditionKind.CUSTOM: send_custom,
}


def _documented_text(context: RuleContext) -> SourcedPair:
    """What is documented, for rules that need there to be something to imitate."""
    if not context.documentation.borrowable:
        raise InexpressibleError(
            f"{context.model} documents no prefix, so {context.condition} has nothing to start from"
        )
    correct = context.documentation.documented(context.task)
    rewrites = context.condition.kind is not ConditionKind.WRONG
    if rewrites and not any(side.prefix for side in correct.sides):
        raise InexpressibleError(
            f"{context.model} documents no text for {context.task.task_type}, "
            f"so {context.condition} has none to rewrite"
        )
    return correct


def _documented_roles(context: RuleContext) -> SourcedPair:
    """What is documented for queries and documents, for rules about the difference between them."""
    if not context.documentation.borrowable:
        raise InexpressibleError(
            f"{context.model} documents no prefix, so {context.condition} has nothing to start from"
        )
    if not context.task.has_roles:
        raise InexpressibleError(
            f"the texts of {context.task.name} ({context.task.task_type}) have no roles, so {context.condition} "
            "has no sides to tell apart"
        )
    return context.documentation.documented(context.task)


def _base(context: RuleContext) -> SourcedSide:
    """What plain text is put before: nothing, or for an interface that demands a task, the documented one."""
    try:
        return context.documentation.nothing()
    except InexpressibleError:
        return context.documentation.documented(context.task).query


def _map_sides(pair: SourcedPair, change: Callable[[SourcedSide], SourcedSide], rule: str) -> SourcedPair:
    query = change(pair.query)
    document = query if pair.document is pair.query else change(pair.document)
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

    changed = _map_sides(pair, rewritten, f"the documented prefix, {name}")
    strings = [prefix for prefix in kept if prefix]
    if changed.sides == pair.sides:
        raise InexpressibleError(f"the prefix {strings[0]!r} cannot be {name}: {refusal}")
    return replace(changed, notes=tuple(f"{prefix!r} stays as it is: {refusal}" for prefix in strings))
