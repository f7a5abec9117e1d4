"""Analysers for tests that need no prompt."""

from pipeline.records import AnalyserRecord

ANALYSER = AnalyserRecord("v1", "sandbox", "v1", "{}")
OTHER = AnalyserRecord("v2", "sandbox", "v2", "{}")
"""Another analyser, with other settings."""
