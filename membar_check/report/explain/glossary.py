"""What the relations that models of the field name mean, in a few words; for readers who meet the names for the first
time.  Sources: Alglave, Maranget and Tautschnig (2014), the kernel's explanation.txt, the comments of the models."""

from __future__ import annotations

from membar_check.report.drawing import STYLES, base_relation

WORDS = {
    "po": "program order",
    "po-loc": "program order between accesses of the same variable",
    "com": "reads from, is overwritten by, or reads before the write",
    "overwrite": "the second overwrites what the first wrote or read",
    "ca": "the second overwrites what the first wrote or read",
    "ppo": "program order that the model keeps",
    "to-r": "program order kept towards a read",
    "to-w": "program order kept towards a write",
    "dep": "an address or data dependency",
    "fence": "a fence, release or acquire between them keeps them in order",
    "strong-fence": "a full fence or a grace period between them",
    "mb": "a full fence between them",
    "wmb": "a fence for writes between two writes",
    "rmb": "a fence for reads between two reads",
    "gp": "a grace period between them",
    "acquire": "from an acquire to what follows it",
    "release": "from what precedes a release to it",
    "acq-po": "from an acquire to what follows it",
    "po-rel": "from what precedes a release to it",
    "cumul-fence": "who sees the second also sees the first, which another thread may have read",
    "prop": "the first reaches every thread no later than the second",
    "hb": "happens before: the first is performed before the second",
    "happens-before": "the first is performed before the second",
    "pb": "the first is performed, and seen by all, before the second",
    "rb": "the first comes before the second, by a grace period",
    "rcu-order": "grace periods and the read-side sections that they wait for",
    "rcu-fence": "ordered by grace periods and read-side sections",
    "rcu-link": "from one grace period or read-side section to the next",
    "ob": "ordered before: the first is seen before the second",
    "observed": "another thread sees it: reads from, overwrites or reads before",
    "local-order": "order that the model keeps within a thread",
    "barrier": "a barrier between them keeps them in order",
    "one-way": "an acquire or a release keeps them in order",
    "dependency": "a dependency keeps them in order",
    "ghb": "global happens-before: one order that all threads agree on",
}


def words_for(relation: str) -> str:
    """The meaning of a relation by its usual name; "" for other names."""
    if relation in WORDS:
        return WORDS[relation]
    base = base_relation(relation)
    if base not in STYLES:
        return ""
    words = STYLES[base].meaning
    if relation == base:
        return words
    return words + (", of another thread" if relation.endswith("e") else ", within a thread")
