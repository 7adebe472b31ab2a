"""The execution of an explanation as GraphML, for graph tools.

A node for each event, named by its letter, with ``thread``, ``line``, ``file``, ``text``, ``kind``, ``variable``,
``value``, ``tags`` and ``action``; an edge for each pair of each relation, with ``relation``, ``base`` (whether the
relation is a base relation) and ``cycle``.  Edges with ``cycle`` true are those that break the check, under the name
that the model gives them, with ``step`` from 1 and ``axiom``.
"""

from __future__ import annotations

from membar_check.explain.explanation import Explanation
from membar_check.report.explain import Settings
from membar_check.report.explain.picture import subject


def write(explanation: Explanation, settings: Settings) -> str:
    """Raises ValueError where the explanation has no execution."""
    import networkx as nx

    execution, cycle = subject(explanation)
    graph = nx.MultiDiGraph(
        test=explanation.test,
        file=explanation.file,
        model=explanation.model,
        verdict=explanation.verdict,
        outcome=explanation.outcome,
        allowed=explanation.allowed,
    )
    names = [event.name for event in execution.events]
    for event in execution.events:
        graph.add_node(
            event.name,
            thread=event.thread,
            line=event.place.line,
            file=event.place.file,
            text=event.place.text,
            kind=event.kind,
            variable=event.variable,
            value=event.value,
            tags=" ".join(event.tags),
            action=event.action,
        )
    for relation in sorted(execution.relations):
        base = relation in execution.base
        for source, target in execution.relations[relation]:
            graph.add_edge(names[source], names[target], relation=relation, base=base, cycle=False)
    for number, step in enumerate(cycle.steps if cycle else (), 1):
        base = step.relation in execution.base
        graph.add_edge(
            names[step.source],
            names[step.target],
            relation=step.relation,
            base=base,
            cycle=True,
            step=number,
            axiom=cycle.axiom if cycle else "",
        )
    return "\n".join(nx.generate_graphml(graph, named_key_ids=True)) + "\n"
