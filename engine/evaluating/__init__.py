"""Suites answered or judged by somebody else: an endpoint, a server, a harness, a teacher."""
