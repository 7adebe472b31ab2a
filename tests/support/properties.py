"""Settings of the property tests: how many examples, and no time limit for a single one (machines are shared)."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

QUICK = settings(deadline=None, max_examples=60)
MANY = settings(deadline=None, max_examples=150)
HEAVY = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
