"""Loops: an ordered list of runs and the rule that proposes the next one."""
