"""A claim: what someone says a prefix does, in our words, with its source and the contrast that tests it."""

from __future__ import annotations

import shlex
from datetime import date as Date  # noqa: N812 the field is called date
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from prefixbench.errors import SpecError, describe_unknown_name
from prefixbench.prefixes.uses import TEXT_TASK_TYPES
from prefixbench.spec.conditions import Condition

Text = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]+$")]
Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Address = Annotated[str, StringConstraints(pattern=r"^https://[^\s<>\"]+$")]
Points = Annotated[float, Field(ge=0, le=100)]


class ClaimPart(BaseModel):
    """Base of a claim's values: immutable, no unknown field, no NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ClaimTest(ClaimPart):
    """The contrast that tests a claim, and what it says of it.

    Attributes:
        condition: The condition that is said to do something.
        baseline: What it is compared with.
        expects: What is said: it gains or loses, gains or loses nothing that matters, or makes no difference that does.
        size: The least and the most that is claimed, without sign; one number twice where one is claimed.
        unit: Of ``size``: points (hundredths of the metric), or per cent of the baseline's score.
        within: Points that still count as nothing; the analysis's margin where absent.
        holds: Whether it is said of every task, or that it can happen.
        measured: The size that was found on data of one's own, points; on other data the direction alone is judged.
        n_items: Queries or texts that it was found on.
        metric: The metric it was made in, where that is not the task's main score.
        tasks: The only tasks it speaks of.
        types: The only task types it speaks of.
        plan: Tasks on which it would be tested, where it names none.
        prefix: What the sweep is given as ``--prefix``, where a condition is ``custom:NAME``.
    """

    condition: str
    baseline: str = "none"
    expects: Literal["gain", "loss", "no gain", "no loss", "no difference"]
    size: tuple[Points, Points] | None = None
    unit: Literal["points", "percent"] = "points"
    within: Points | None = None
    holds: Literal["everywhere", "somewhere"] = "everywhere"
    measured: Points | None = None
    n_items: int | None = Field(default=None, ge=1)
    metric: str | None = None
    tasks: tuple[Text, ...] = ()
    types: tuple[str, ...] = ()
    plan: tuple[Text, ...] = ()
    prefix: Text | None = None

    @field_validator("condition", "baseline")
    @classmethod
    def _check_condition(cls, text: str) -> str:
        try:
            return str(Condition.parse(text))
        except SpecError as error:
            raise ValueError(str(error)) from None

    @field_validator("types")
    @classmethod
    def _check_types(cls, types: tuple[str, ...]) -> tuple[str, ...]:
        for name in types:
            if name not in TEXT_TASK_TYPES:
                raise ValueError(describe_unknown_name("task type", name, TEXT_TASK_TYPES))
        return types

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.condition == self.baseline:
            raise ValueError(f"condition and baseline are both {self.condition!r}; a contrast needs two")
        if self.size is not None and self.size[0] > self.size[1]:
            raise ValueError(f"size goes from the least to the most (given: {self.size[0]:g} to {self.size[1]:g})")
        if self.size is not None and self.expects not in {"gain", "loss"}:
            raise ValueError(f"only a gain or a loss has a size; {self.expects!r} has a bound, 'within'")
        if self.within is not None and self.expects in {"gain", "loss"}:
            raise ValueError(f"'within' bounds what is said to be nothing; {self.expects!r} may have a size")
        if self.measured is not None and (self.n_items is None or self.size is not None):
            raise ValueError("'measured' goes together with 'n_items', and with no size that is claimed of other data")
        if self.unit == "percent" and self.size is None:
            raise ValueError("the unit 'percent' needs a size")
        if self.prefix is None and any(name.startswith("custom:") for name in self.pair):
            raise ValueError("a condition of one's own needs its strings, in 'prefix'")
        if not (self.tasks or self.plan):
            raise ValueError("name the tasks that would test it, in 'tasks' if it speaks of them alone, else in 'plan'")
        return self

    @property
    def pair(self) -> tuple[str, str]:
        """Condition and baseline."""
        return self.condition, self.baseline


class Claim(ClaimPart):
    """What someone says.

    Attributes:
        id: Its name here.
        vendor: Who says it.
        says: What is said, in our words.
        models: The models it speaks of; any with a documented prefix where empty.
        source: Where it stands.
        date: When it was found there.
        read: Whether the source was read, in a copy of it at least; else it is known from someone who quotes it.
        note: What a reader should know.
        test: What tests it.
        untested: Why no contrast of scores does, and what would.
    """

    id: Identifier
    vendor: Text
    says: Text
    models: tuple[Text, ...] = ()
    source: Address
    date: Date
    read: bool = False
    note: Text | None = None
    test: ClaimTest | None = None
    untested: Text | None = None

    @model_validator(mode="after")
    def _check_test(self) -> Self:
        if (self.test is None) == (self.untested is None):
            raise ValueError("give a test, or in 'untested' why no contrast of scores is one")
        return self

    @property
    def plan(self) -> str:
        """The command that would test it, for the first model it names; empty where no contrast does."""
        if self.test is None:
            return ""
        model = self.models[0] if self.models else "MODEL"
        conditions = dict.fromkeys(["none", self.test.baseline, self.test.condition])
        tasks = ",".join(self.test.tasks or self.test.plan)
        own = f" --prefix {shlex.quote(self.test.prefix)}" if self.test.prefix else ""
        return f"prefixbench sweep --models {model} --tasks {tasks} --conditions {','.join(conditions)}{own}"


class ClaimFile(ClaimPart):
    """One file of claims."""

    claims: tuple[Claim, ...] = Field(min_length=1)
