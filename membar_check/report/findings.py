"""Findings of kernel C in text: what is wrong, where, and the steps of one execution that lead to it."""

from __future__ import annotations

from membar_check.verdict import UNREACHED, Finding, Step, Verdict


def describe(verdict: Verdict, unreached: bool) -> list[str]:
    """Lines for people: each finding with its place, below it the steps.  ``unreached``: branches that no execution
    takes are listed too."""
    findings = [f for f in verdict.findings or () if unreached or f.kind != UNREACHED]
    lines = [f"{verdict.file} under {verdict.model}:"] if findings else []
    for finding in findings:
        lines.append(f"  {finding.kind}{_text(finding)}")
        lines += [f"      {step.text} ({_place(step)})" for step in finding.steps]
    return lines


def _text(finding: Finding) -> str:
    text = f": {finding.text}" if finding.text else ""
    if finding.where is None:
        return text
    return f"{text} ({_place(finding.where)}: `{' '.join(finding.where.text.split())}`)"


def _place(step: Step) -> str:
    return f"{step.file}:{step.line}"
