"""Conditions that send strings as someone documents them, on the sides and tasks they are or are not meant for."""

from __future__ import annotations

from dataclasses import replace

from prefixbench.errors import InexpressibleError, SpecError, describe_unknown_name
from prefixbench.prefixes.documentation import Documentation, plain_side
from prefixbench.prefixes.rule_context import RuleContext, base_pair, documented_pair, documented_roles
from prefixbench.prefixes.sources import SideSource, SourcedPair, SourcedSide
from prefixbench.spec.conditions import Mixture, Role

FOREIGN_FAMILIES = ("nomic", "e5")
"""Whose prefix ``foreign`` copies where none is named."""


def send_nothing(context: RuleContext) -> SourcedPair:
    """The baseline sends nothing, so that every other condition has something to be compared with."""
    return SourcedPair.same(context.documentation.nothing(), "none sends nothing")


def send_documented(context: RuleContext) -> SourcedPair:
    """What the vendor promises: the documented prefix for this task and role."""
    return context.documentation.documented(context.task)


def send_wrong(context: RuleContext) -> SourcedPair:
    """The harm of a mix-up: another use's prefix of the same model, from a fixed map or named."""
    correct = documented_pair(context)
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
        context.documentation.documented(context.task)  # an undocumented model is a failure, a bare one a skip
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
    correct = documented_roles(context)
    return replace(correct, document=context.documentation.nothing(), rule="correct for queries, nothing for documents")


def send_document_only(context: RuleContext) -> SourcedPair:
    """The other half: the document's prefix, and nothing on queries."""
    correct = documented_roles(context)
    return replace(correct, query=context.documentation.nothing(), rule="correct for documents, nothing for queries")


def send_swapped(context: RuleContext) -> SourcedPair:
    """The two sides mixed up: queries embedded as documents and documents as queries."""
    correct = documented_roles(context)
    if correct.query.side == correct.document.side:
        raise InexpressibleError(f"{context.model} sends the same for queries and documents; swapping changes nothing")
    return replace(
        correct, query=correct.document, document=correct.query, rule="the two documented prefixes change sides"
    )


def send_query_prefix_on_both(context: RuleContext) -> SourcedPair:
    """One code path for both roles: documents are embedded as if they were queries."""
    correct = _distinct_roles(context)
    return replace(correct, document=correct.query, rule="the query's documented prefix on both sides")


def send_document_prefix_on_both(context: RuleContext) -> SourcedPair:
    """One code path for both roles: queries are embedded as if they were documents."""
    correct = _distinct_roles(context)
    return replace(correct, query=correct.document, rule="the document's documented prefix on both sides")


def send_to_part_of_the_documents(context: RuleContext) -> SourcedPair:
    """Whether an index may grow mixed while it is embedded again: a share of the documents carries nothing yet."""
    correct = documented_roles(context)
    bare = context.documentation.nothing().side
    if correct.document.side == bare:
        raise InexpressibleError(
            f"{context.model} documents no prefix for documents, so an index cannot be mixed with bare ones"
        )
    share = float(context.condition.argument or 0)
    rule = f"correct, but {share:.0%} of the documents (by a hash of their text, seeded with {context.seed}) as in none"
    return replace(correct, mixture=Mixture(share, bare, context.seed), rule=rule)


def _distinct_roles(context: RuleContext) -> SourcedPair:
    correct = documented_roles(context)
    if correct.query.side == correct.document.side:
        raise InexpressibleError(
            f"{context.model} sends the same for queries and documents, so {context.condition} is correct itself"
        )
    return correct


def send_foreign(context: RuleContext) -> SourcedPair:
    """A copied snippet: another family's documented prefix, as plain text."""
    other, theirs = _foreign_pair(context)
    if not any(side.prefix for side in theirs.sides):
        raise InexpressibleError(f"the family {other.family} documents no text for {context.task.task_type} to copy")
    base = base_pair(context)

    def copied(side: SourcedSide, onto: SourcedSide) -> SourcedSide:
        has_slot = side.side.title_slot and "{title}" in side.side.prefix
        text = replace(plain_side(side.side.prefix, onto.side), title_slot=has_slot)
        return replace(side, side=text, use=f"foreign:{other.family}")

    query, document = copied(theirs.query, base.query), copied(theirs.document, base.document)
    return SourcedPair(query, document, f"the documented prefix of {other.model}, copied")


def _foreign_pair(context: RuleContext) -> tuple[Documentation, SourcedPair]:
    """The family named, or the first whose words are not this model's own."""
    own = [side.prefix for side in context.documentation.documented(context.task).sides]
    families = (context.condition.argument,) if context.condition.argument else FOREIGN_FAMILIES
    for family in families:
        if family == context.documentation.family and not context.condition.argument:
            continue
        other = context.foreign(family)
        theirs = other.documented(context.task)
        if [side.prefix for side in theirs.sides] != own or not any(own):
            return other, theirs
    raise InexpressibleError(
        f"the prefix of {' and '.join(families)} for {context.task.task_type} is also that of {context.model}"
    )


def send_mteb(context: RuleContext) -> SourcedPair:
    """Leaderboard against model card: what mteb's own registry applies."""
    return context.registry().documented(context.task)


def send_custom(context: RuleContext) -> SourcedPair:
    """The user's own question: the strings named in the spec or on the command line."""
    name = context.condition.argument or ""
    if name not in context.custom:
        raise SpecError(describe_unknown_name("custom prefix", name, context.custom, "sweep.custom"))
    own, base = context.custom[name], base_pair(context)
    source = SideSource("custom", f"the custom prefix {name!r} of the sweep")
    query = SourcedSide(plain_side(own.query, base.query.side), source, "custom")
    if not context.task.has_roles:
        return SourcedPair.same(query, "the query's string, since the task has no roles")
    return SourcedPair(query, SourcedSide(plain_side(own.document, base.document.side), source, "custom"), "as given")
