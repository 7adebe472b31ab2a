"""membar-check: an exhaustive memory-model checker for litmus tests and cat models."""

__version__ = "0.1.0"
