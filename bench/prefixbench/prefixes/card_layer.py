"""The first layer: our own cards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from prefixbench.errors import InexpressibleError, PrefixNotFoundError
from prefixbench.prefixes.card import CardRule, CardUse, ModelCard
from prefixbench.prefixes.documentation import as_prefix, plain_side, spoken
from prefixbench.prefixes.sources import NOTHING_SOURCE, SideSource, SourcedPair, SourcedSide
from prefixbench.prefixes.uses import SYMMETRIC_TASK_TYPES, TASK_TYPE_OF_USE, Use
from prefixbench.prefixes.wordings import Wordings
from prefixbench.spec.conditions import Mechanism, Role, Side
from prefixbench.spec.tasks import TaskFacts


@dataclass(frozen=True, slots=True)
class CardDocumentation:
    """A model's card, answering the rules' questions.

    Attributes:
        model: The name asked for.
        family: The family its file names.
        card: The card.
        wordings: Instructions for templates.
    """

    model: str
    family: str
    card: ModelCard
    wordings: Wordings

    @property
    def layer(self) -> str:
        """The name of this layer."""
        return "card"

    @property
    def mechanism(self) -> Mechanism:
        """How the model takes its task."""
        return self.card.mechanism

    @property
    def wording(self) -> str:
        """``label`` or ``sentence``."""
        return self.card.wording

    @property
    def adapters(self) -> tuple[str, ...]:
        """Adapters that can be switched on."""
        return self.card.all_adapters

    @property
    def borrowable(self) -> tuple[str, ...]:
        """Uses that send something, and for a template every use that has an instruction."""
        own = [use.value for use, side in self.card.uses.items() if side.side("x") != Side()]
        templated = [use.value for use in TASK_TYPE_OF_USE] if self.card.free_template else []
        return tuple(dict.fromkeys([*own, *templated]))

    def nothing(self) -> SourcedSide:
        """What sending no prefix is.

        Raises:
            InexpressibleError: The interface demands a task.
        """
        if self.card.no_bare:
            raise InexpressibleError(f"{self.model} cannot be sent nothing: {self.card.no_bare}")
        return SourcedSide(self.card.bare.side(), NOTHING_SOURCE, Use.NOTHING)

    def documented(self, task: TaskFacts) -> SourcedPair:
        """What the maker documents for this task.

        Raises:
            PrefixNotFoundError: No rule of the card covers it.
        """
        if self.card.mechanism is Mechanism.NONE:
            side = SourcedSide(self.card.bare.side(), self._source(None, self.card.certain), Use.NOTHING)
            return SourcedPair.same(
                side,
                "the card documents that the model takes no prefix",
                (f"{self.model} documents no prefix, so correct is the same as none",),
            )
        rule, rank = self._rule_for(task)
        sentence = f"the card's rule for the {rank} decides"
        notes = (rule.note,) if rule.note else ()
        if task.has_roles and rule.query is not None and rule.document is not None:
            query = self._side(rule.query, task, Role.QUERY, rule)
            return SourcedPair(query, self._side(rule.document, task, Role.DOCUMENT, rule), sentence, notes)
        assert rule.text is not None, "a rule that applies to a task without roles has a text"
        return SourcedPair.same(self._side(rule.text, task, Role.QUERY, rule), sentence, notes)

    def borrowed(self, use: str, task: TaskFacts) -> SourcedPair:
        """The strings of another use, sent for this task: on both sides, or in the template on the query side.

        Raises:
            InexpressibleError: The model documents nothing for that use.
        """
        named = Use(use) if use in Use.__members__.values() else None
        template = self.card.free_template
        own = self.card.uses.get(named) if named else None
        if named is not None and template is not None and (own is None or (own.template and not own.instruction)):
            if named in TASK_TYPE_OF_USE:
                words = self.wordings.instructions[TASK_TYPE_OF_USE[named]]
                place = SideSource("instructions", f"tasks/instructions.toml, [{TASK_TYPE_OF_USE[named]}]")
                return self.instructed(words.text, words.document, place, task)
        elif named is not None and own is not None and named.value in self.borrowable:
            return SourcedPair.same(
                self._side(named, task, Role.QUERY, None), f"the model's {named} prefix is borrowed"
            )
        raise InexpressibleError(
            f"{self.model} documents no prefix for {use!r}; it has {spoken(self.borrowable) or 'none'}"
        )

    def instructed(
        self, instruction: str, document_instruction: str, source: SideSource, task: TaskFacts
    ) -> SourcedPair:
        """A natural-language instruction, in the model's template where it has one; the card rules documents."""
        template = self.card.template
        if template is None:
            bare = self.card.bare.side()
            side = SourcedSide(plain_side(as_prefix(instruction), bare), source, "instruction", instruction)
            if not task.has_roles:
                return SourcedPair.same(side, "plain words before the text; the model has no template")
            nothing = SourcedSide(bare, SideSource("rule", "documents carry no instruction"), Use.NOTHING)
            return SourcedPair(side, nothing, "plain words before the query; the model has no template")
        query = SourcedSide(template.filled(instruction), source, "instruction", instruction)
        if not task.has_roles:
            return SourcedPair.same(query, "the instruction in the model's template")
        return SourcedPair(
            query,
            self._document_side(document_instruction, source, task),
            "the instruction in the model's template; documents as the card rules",
        )

    def _document_side(self, instruction: str, source: SideSource, task: TaskFacts) -> SourcedSide:
        rule, _ = self._rule_for(task)
        use = rule.document or Use.NOTHING
        card_use = self.card.uses.get(use)
        if card_use is not None and card_use.template is not None and card_use.instruction is None:
            return SourcedSide(card_use.side(instruction), source, "instruction", instruction)
        return self._side(use, task, Role.DOCUMENT, rule)

    def _rule_for(self, task: TaskFacts) -> tuple[CardRule, str]:
        for rule, rank in self._matching(task):
            if (rule.query if task.has_roles else rule.text) is not None:
                return rule, rank
        raise PrefixNotFoundError(
            f"the card of {self.model} documents no prefix for the task {task.name} of type {task.task_type}"
        )

    def _matching(self, task: TaskFacts) -> Iterator[tuple[CardRule, str]]:
        rules = self.card.rules
        yield from ((rule, f"task {task.name}") for rule in rules if task.name in rule.tasks)
        for subtype in task.subtypes:
            for rule in rules:
                if subtype in rule.subtypes and (not rule.types or task.task_type in rule.types):
                    yield rule, f"subtype {subtype!r}"
        typed = [rule for rule in rules if not rule.tasks and not rule.subtypes]
        yield from ((rule, f"task type {task.task_type}") for rule in typed if task.task_type in rule.types)
        group = "asymmetric" if task.has_roles else "symmetric" if task.task_type in SYMMETRIC_TASK_TYPES else None
        yield from ((rule, f"{group} task types") for rule in typed if rule.group == group and group)

    def _side(self, use: Use, task: TaskFacts, role: Role, rule: CardRule | None) -> SourcedSide:
        certain = self.card.certain and (rule is None or rule.certain)
        if use is Use.NOTHING:
            return SourcedSide(self.card.bare.side(), self._source(None, certain), Use.NOTHING)
        card_use = self.card.uses[use]
        source = self._source(card_use, certain and card_use.certain)
        if card_use.template is None or card_use.instruction is not None:
            return SourcedSide(card_use.side(), source, use, card_use.instruction)
        instruction, words = self._instruction(task, role)
        cited = SideSource(source.layer, f"{source.citation}; instruction: {words.citation}", source.certain)
        return SourcedSide(card_use.side(instruction), cited, use, instruction)

    def _instruction(self, task: TaskFacts, role: Role) -> tuple[str, SideSource]:
        """The maker's sentence for the task, else mteb's, else the maker's for the type, else ours."""
        own = self.card.instructions
        if task.name in own:
            return own[task.name], SideSource("card", f"the card's instruction for {task.name}")
        words, source = self.wordings.instruction_for(task, role)
        if source.layer != "mteb" and task.task_type in own:
            return own[task.task_type], SideSource("card", f"the card's instruction for {task.task_type}")
        return words, source

    def _source(self, use: CardUse | None, certain: bool) -> SideSource:
        url = use.source if use is not None and use.source else self.card.source
        return SideSource("card", f"{url} (read {self.card.date.isoformat()})", certain)
