"""Decides whether a model implies sequential consistency per location.

If it does, combinations of rf and co that break it need not be enumerated.  The test is syntactic and errs on the
safe side: a model for which it says no is evaluated over all combinations.

SC per location (Alglave, Maranget, Tautschnig, TOPLAS 2014, section 4.2): ``acyclic po-loc | rf | co | fr``.
"""

from __future__ import annotations

from collections.abc import Sequence

from membar_check.cat.dag import CannotCompile, CheckNode, Graph, Node, OrderBase, OrderChoice


def implies_coherence(graph: Graph, checks: Sequence[CheckNode], order: OrderChoice | None) -> bool:
    """True if a check (or the partial order that coherence must extend) forces SC per location."""
    if order is None:
        return False
    g, co = graph, order.result
    po_loc = g.intersect(g.prim("po", "R"), g.prim("loc", "R"))
    rf = g.prim("rf", "R")
    needed = [po_loc, rf, co, g.seq(g.inverse(rf), co)]
    for check in checks:
        plain = check.prefix == "" and not check.negated and check.test == "acyclic"
        if plain and all(covers(g, check.node, n) for n in needed):
            return True
    return _prefix_covers(g, order.base)


def _prefix_covers(g: Graph, base: Node) -> bool:
    """Whether ``base`` orders writes as program order and rf demand (then every extension is coherent)."""
    r, w, rf = g.prim("R", "S"), g.prim("W", "S"), g.prim("rf", "R")
    po_loc = g.intersect(g.prim("po", "R"), g.prim("loc", "R"))
    back = g.inverse(rf)
    shapes = [
        [g.restrict(w, po_loc, w)],
        [g.seq(rf, g.restrict(r, po_loc, w))],
        [g.seq(g.restrict(w, po_loc, r), back)],
        [g.seq(g.seq(rf, g.restrict(r, po_loc, r)), back), g.seq(rf, g.seq(g.restrict(r, po_loc, r), back))],
    ]
    parts = [p for p in (base.args if base.op == "or" else (base,)) if p]
    parts = [p.args[0] if p.op == "minus" and p.args[1] is g.id and p.args[0] else p for p in parts]
    return all(any(p in shape for p in parts) for shape in shapes)


def covers(g: Graph, big: Node, small: Node, depth: int = 24) -> bool:
    """A sound, incomplete test that ``small`` is included in ``big`` on every test."""
    if big is small:
        return True
    if depth == 0:
        return False
    if small.op == "and" and any(a is not None and covers(g, big, a, depth - 1) for a in small.args):
        return True
    if small.op == "minus" and small.args[0] is not None and covers(g, big, small.args[0], depth - 1):
        return True
    if big.op == "or":
        if any(a is not None and covers(g, a, small, depth - 1) for a in big.args):
            return True
        return _split_covers(g, big, small, depth)
    if big.op == "and":
        return all(a is not None and covers(g, a, small, depth - 1) for a in big.args)
    if big.op == "plus":
        return big.args[0] is not None and covers(g, big.args[0], small, depth - 1)
    if big.op == "minus" and big.args[1] is g.id and big.args[0] is not None:
        return _irreflexive(small) and covers(g, big.args[0], small, depth - 1)
    if big.op == "minus" and big.args[0] is not None and _apart(g, big.args[1], small):
        return covers(g, big.args[0], small, depth - 1)
    if big.op == "inv" and small.op == "inv":
        assert big.args[0] and small.args[0]
        return covers(g, big.args[0], small.args[0], depth - 1)
    if big.op == "seq" and small.op == "seq":
        pairs = zip(big.args, small.args, strict=True)
        return all(a is not None and b is not None and covers(g, a, b, depth - 1) for a, b in pairs)
    return False


def implies_atomicity(graph: Graph, checks: Sequence[CheckNode], order: OrderChoice | None) -> bool:
    """True if a check forbids a write of another thread between the halves of a read-modify-write.

    ``empty rmw & (fre;coe)`` (Alglave, Maranget, Tautschnig, TOPLAS 2014, section 6.3).
    """
    if order is None:
        return False
    g, external = graph, graph.prim("ext", "R")
    co = order.result
    outside = g.seq(g.intersect(g.seq(g.inverse(g.prim("rf", "R")), co), external), g.intersect(co, external))
    for check in checks:
        if check.prefix == "" and not check.negated and check.test == "empty" and check.node.op == "and":
            factors = [a for a in check.node.args if a is not None]
            if all(covers(g, f, g.prim("rmw", "R")) or covers(g, f, outside) for f in factors):
                return True
    return False


def _apart(g: Graph, removed: Node | None, small: Node) -> bool:
    """Whether ``removed`` has only pairs inside a thread and ``small`` only pairs between threads."""
    internal, external = g.prim("int", "R"), g.prim("ext", "R")
    inside = removed is not None and (removed is internal or (removed.op == "and" and internal in removed.args))
    return inside and (small is external or (small.op == "and" and external in small.args))


def _irreflexive(n: Node) -> bool:
    """Relations that never relate an event to itself: ``rf^-1;co`` goes from a read to a write."""
    return n.op == "seq" and n.args[0] is not None and n.args[0].op == "inv"


def _split_covers(g: Graph, big: Node, small: Node, depth: int) -> bool:
    """``(r & int) | (r & ext)`` covers what ``r`` covers; so do ``r & s`` and ``r \\ s`` together."""
    external, internal = g.prim("ext", "R"), g.prim("int", "R")
    for part in big.args:
        if part is None:
            continue
        if part.op == "and" and external in part.args:
            whole = _without(g, part, external)
            other = g.intersect(whole, internal)
            rest = g.minus(whole, g.intersect(whole, external))
            same = other in big.args or rest in big.args
            if same and covers(g, whole, small, depth - 1):
                return True
        parted = part.op == "minus" and part.args[0] is not None and part.args[1] in big.args
        if parted and part.args[0] is not None and covers(g, part.args[0], small, depth - 1):
            return True
    return False


def _without(g: Graph, conjunction: Node, factor: Node) -> Node:
    rest = [a for a in conjunction.args if a is not None and a is not factor]
    out = rest[0]
    for a in rest[1:]:
        out = g.intersect(out, a)
    return out


def _initial_first(g: Graph) -> tuple[Node, ...]:
    """The forms of "the initial write comes first"."""
    w, iw, loc = g.prim("W", "S"), g.prim("IW", "S"), g.prim("loc", "R")
    return (
        g.restrict(iw, loc, g.minus(w, iw)),
        g.restrict(iw, loc, w),
        g.seq(g.identity(iw), g.restrict(None, loc, w)),
    )


def _within(g: Graph, members: Node, part: Node) -> bool:
    """Whether ``part`` only has pairs of ``members`` (a sound, incomplete test)."""
    return _ends_in(g, members, part, 0) and _ends_in(g, members, part, -1)


def _inside(g: Graph, members: Node, n: Node) -> bool:
    """Whether the events of ``n`` are all in ``members``; initial and final writes are writes."""
    return covers(g, members, g.prim("W", "S") if n in (g.prim("IW", "S"), g.prim("FW", "S")) else n)


def _ends_in(g: Graph, members: Node, n: Node, end: int) -> bool:
    """Whether the first (``end`` 0) or the second (``end`` -1) events of ``n`` are all in ``members``."""
    args = [a for a in n.args if a is not None]
    if n is g.prim("rf", "R"):
        return end == 0 and covers(g, members, g.prim("W", "S"))
    if n.op == "id":
        return _inside(g, members, args[0])
    if n.op == "restrict":
        side = n.args[0] if end == 0 else n.args[2]
        relation = n.args[1]
        assert relation is not None
        return (side is not None and _inside(g, members, side)) or _ends_in(g, members, relation, end)
    if n.op == "prod":
        return _inside(g, members, args[end])
    if n.op in ("or", "and"):
        return (all if n.op == "or" else any)(_ends_in(g, members, a, end) for a in args)
    if n.op in ("seq", "plus", "minus"):
        return _ends_in(g, members, args[end if n.op == "seq" else 0], end)
    return n.op == "inv" and _ends_in(g, members, args[0], -1 - end)


def _local(g: Graph, n: Node) -> bool:
    """Whether ``n`` only has pairs within one location (a sound, incomplete test)."""
    args = [a for a in n.args if a is not None and a.kind == "R"]
    if n in (g.prim("loc", "R"), g.prim("rf", "R"), g.id) or n.op == "id":
        return True
    if n.op == "and":
        return any(_local(g, a) for a in args)
    if n.op == "minus":
        return _local(g, args[0])
    return n.op in ("or", "seq", "plus", "inv", "restrict") and all(_local(g, a) for a in args)


def _between(g: Graph, members: Node, part: Node) -> Node:
    """The pairs of ``members`` of one location that ``part`` orders, directly or through other events."""
    return g.intersect(g.restrict(members, g.plus(part), members), g.prim("loc", "R"))


def order_base(g: Graph, order: OrderChoice | None, coherent: bool) -> OrderBase:
    """Splits the partial order that coherence must extend.

    Raises CannotCompile where the initial write need not come first: coherence is not enumerated natively then.
    """
    if order is None:
        return OrderBase((), (), True)
    w, fw, loc, r, rf = g.prim("W", "S"), g.prim("FW", "S"), g.prim("loc", "R"), g.prim("R", "S"), g.prim("rf", "R")
    members = order.members
    if not members.static or not (members is w or (members.op == "or" and w in members.args)):
        raise CannotCompile("an order of some of the writes only", None)
    given = {g.restrict(g.minus(w, fw), loc, fw)}
    if coherent:
        po_loc, back = g.intersect(g.prim("po", "R"), loc), g.inverse(rf)
        given |= {
            g.restrict(w, po_loc, w),
            g.seq(rf, g.restrict(r, po_loc, w)),
            g.minus(g.seq(g.restrict(w, po_loc, r), back), g.id),
            g.minus(g.seq(g.seq(rf, g.restrict(r, po_loc, r)), back), g.id),
            g.minus(g.seq(rf, g.seq(g.restrict(r, po_loc, r), back)), g.id),
        }
    parts = [p for p in (order.base.args if order.base.op == "or" else (order.base,)) if p and p.op != "empty"]
    if not any(p in _initial_first(g) for p in parts):
        raise CannotCompile("an order of writes in which the initial write need not be first", None)
    rest = [p for p in parts if p not in given]
    static = tuple(p for p in rest if p.static and not p.variables)
    dynamic = tuple(p for p in rest if not p.static or p.variables)
    if not all(_within(g, members, p) and _local(g, p) for p in rest):
        # Pairs with an event that is not ordered, or of another location, count through what they lead to.
        static = (_between(g, members, g.union(list(static))),) if static else ()
        dynamic = (_between(g, members, order.base),)
    plain = order.members is w and all(p in _initial_first(g) for p in static)
    return OrderBase(static, dynamic, plain)
