"""Checks a tree of tests against expected verdicts or a recorded baseline, for continuous integration."""
