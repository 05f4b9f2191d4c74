"""Suites answered by somebody else: an endpoint, a server of ours, a harness, a teacher as judge."""
