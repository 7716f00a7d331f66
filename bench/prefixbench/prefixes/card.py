"""A card: what a model's maker documents as its prefixes, in values that cannot be half right."""

from __future__ import annotations

from datetime import date as Date  # noqa: N812 the field is called date
from typing import Annotated, Literal, Self, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from prefixbench.errors import describe_unknown_name
from prefixbench.faults import show_value
from prefixbench.prefixes.uses import TEXT_TASK_TYPES, Use
from prefixbench.spec.conditions import Mechanism, Pooling, Side

INSTRUCTION_SLOT, TITLE_SLOT = "{instruction}", "{title}"

Group = Literal["asymmetric", "symmetric"]
Url = Annotated[str, StringConstraints(pattern=r"^(https://\S+|docs/\S+)$")]


class CardPart(BaseModel):
    """Base of a card's values: immutable, no unknown field."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class CardUse(CardPart):
    """What the maker sends for one use.

    Attributes:
        prefix: The exact string.
        template: A string with ``{instruction}``, filled per task.
        instruction: Fixes the instruction for every task of this use.
        adapter: The LoRA adapter switched on.
        api: Parameters of the vendor's call.
        title_slot: The prefix holds ``{title}``, or a parameter is ``{title}``: filled by a document's own title.
        source: Where it stands, where that is not the model's own source.
        certain: Whether the string was read at its source, and not only remembered or derived.
        note: What a reader should know.
    """

    prefix: str = ""
    template: str | None = None
    instruction: str | None = None
    adapter: str | None = None
    api: dict[str, str] = Field(default_factory=dict)
    title_slot: bool = False
    source: Url | None = None
    certain: bool = True
    note: str = ""

    @model_validator(mode="after")
    def _check_slots(self) -> Self:
        if self.template is not None and self.template.count(INSTRUCTION_SLOT) != 1:
            raise ValueError(f"the template {self.template!r} must hold {INSTRUCTION_SLOT} exactly once")
        if self.template is not None and self.prefix:
            raise ValueError("give a prefix or a template, not both")
        if self.template is None and self.instruction is not None:
            raise ValueError("an instruction needs a template to stand in")
        if self.title_slot != (TITLE_SLOT in self.prefix or TITLE_SLOT in self.api.values()):
            raise ValueError(
                f"title_slot goes together with {TITLE_SLOT} in the prefix {show_value(self.prefix)}, or as a parameter"
            )
        return self

    def side(self, instruction: str | None = None) -> Side:
        """All that is sent for this use; the maker's fixed instruction goes before the one given."""
        return self.filled(self.instruction or instruction or "")

    def filled(self, instruction: str) -> Side:
        """All that is sent with this very instruction in the template, if there is one."""
        prefix = self.prefix if self.template is None else self.template.replace(INSTRUCTION_SLOT, instruction)
        return Side(prefix, self.adapter, tuple(sorted(self.api.items())), self.title_slot)


def _parse_use(value: object) -> object:
    return {"prefix": value} if isinstance(value, str) else value


CardUseField = Annotated[CardUse, BeforeValidator(_parse_use)]


class CardRule(CardPart):
    """Which tasks take which use.

    The most specific rule that matches a task decides: its name, then its subtype, then its type, then the group.

    Attributes:
        tasks: mteb task names.
        subtypes: mteb task subtypes, of tasks of the types below, or of any where none is named.
        types: mteb task types.
        group: All task types with roles (``asymmetric``) or without (``symmetric``).
        query: The use for queries.
        document: The use for documents.
        text: The use for texts without a role.
        certain: Whether the maker says so, or it was derived.
        note: Why, where it is not plain.
    """

    tasks: tuple[str, ...] = ()
    subtypes: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    group: Group | None = None
    query: Use | None = None
    document: Use | None = None
    text: Use | None = None
    certain: bool = True
    note: str = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for task_type in self.types:
            if task_type not in TEXT_TASK_TYPES:
                raise ValueError(describe_unknown_name("task type", task_type, TEXT_TASK_TYPES))
        if not (self.tasks or self.subtypes or self.types or self.group):
            raise ValueError(f"the rule matches no task; name tasks, subtypes, types or a group of {get_args(Group)}")
        if (self.query is None) != (self.document is None):
            raise ValueError("a rule for tasks with roles needs both query and document")
        if self.query is None and self.text is None:
            raise ValueError("the rule sends nothing; give query and document, or text (the use 'nothing' is a value)")
        return self

    @property
    def named_uses(self) -> tuple[Use, ...]:
        """The uses this rule refers to."""
        return tuple(use for use in (self.query, self.document, self.text) if use is not None)


class ModelCard(CardPart):
    """One maker's documentation of one model, or of several that share it.

    Attributes:
        names: Hub names, and the names APIs go by in mteb.
        mechanism: How the model takes its task.
        source: Where the strings stand.
        date: When they were read there.
        certain: Whether they were read there at all.
        note: What a reader should know.
        uses: The strings by use.
        rules: Which tasks take which.
        wording: Whether the strings are labels (``query: ``) or sentences, which decides how they are paraphrased.
        pooling: Whether the maker pools the prefix's own tokens.
        bare: What "nothing" is for a model that must be told so (``adapter = "none"``).
        no_bare: Why nothing cannot be sent, for an interface that demands a task.
        adapters: Adapters that can be switched on besides those of the uses.
        instructions: The maker's own instruction by task name or task type.
        in_repository: The strings stand in the repository's own config, and were not to be seen when the card was
            written; where its files are at hand they are taken from there, and elsewhere nobody knows them.
        repository_prompts: What the repository's own config holds, which mteb takes where its entry has nothing.
    """

    names: tuple[str, ...] = Field(min_length=1)
    mechanism: Mechanism
    source: Url
    date: Date
    certain: bool = True
    note: str = ""
    uses: dict[Use, CardUseField] = Field(default_factory=dict)
    rules: tuple[CardRule, ...] = ()
    wording: Literal["label", "sentence"] = "label"
    pooling: Pooling = Pooling.INCLUDE
    bare: CardUseField = CardUse()
    no_bare: str = ""
    adapters: tuple[str, ...] = ()
    instructions: dict[str, str] = Field(default_factory=dict)
    in_repository: bool = False
    repository_prompts: dict[str, str] = Field(default_factory=dict)

    @property
    def free_template(self) -> CardUse | None:
        """The use whose template takes a task's own instruction, if any."""
        return next((use for use in self.uses.values() if use.template and not use.instruction), None)

    @property
    def template(self) -> CardUse | None:
        """The use whose template an instruction can stand in, even where the maker fixed one."""
        return self.free_template or next((use for use in self.uses.values() if use.template), None)

    @property
    def all_adapters(self) -> tuple[str, ...]:
        """Every adapter that can be switched on, in the card's order."""
        named = [use.adapter for use in self.uses.values() if use.adapter is not None]
        return tuple(dict.fromkeys([*named, *self.adapters]))


class CardFile(CardPart):
    """A family's file.

    Attributes:
        family: The name ``foreign:FAMILY`` and the report use.
        models: Its models.
    """

    family: str = Field(min_length=1)
    models: tuple[ModelCard, ...] = Field(min_length=1)
