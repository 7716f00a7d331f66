"""The conditions by name: one small rule each, its reason in its docstring's first sentence."""

from __future__ import annotations

from collections.abc import Mapping

from prefixbench.prefixes import rules_documented as documented
from prefixbench.prefixes import rules_rewritten as rewritten
from prefixbench.prefixes.rule_context import Rule
from prefixbench.spec.conditions import ConditionKind

RULES: Mapping[ConditionKind, Rule] = {
    ConditionKind.NONE: documented.send_nothing,
    ConditionKind.CORRECT: documented.send_documented,
    ConditionKind.WRONG: documented.send_wrong,
    ConditionKind.CROSS: documented.send_named_use,
    ConditionKind.INSTRUCTION: documented.send_instruction,
    ConditionKind.QUERY_ONLY: documented.send_query_only,
    ConditionKind.DOCUMENT_ONLY: documented.send_document_only,
    ConditionKind.SWAPPED: documented.send_swapped,
    ConditionKind.BOTH_QUERY: documented.send_query_prefix_on_both,
    ConditionKind.BOTH_DOCUMENT: documented.send_document_prefix_on_both,
    ConditionKind.MIXED: documented.send_to_part_of_the_documents,
    ConditionKind.FOREIGN: documented.send_foreign,
    ConditionKind.MTEB: documented.send_mteb,
    ConditionKind.CUSTOM: documented.send_custom,
    ConditionKind.PLACEBO: rewritten.send_placebo,
    ConditionKind.SHUFFLED: rewritten.send_shuffled,
    ConditionKind.MANGLED: rewritten.send_mangled,
    ConditionKind.PARAPHRASE: rewritten.send_paraphrase,
}
