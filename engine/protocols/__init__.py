"""Experiment protocols: read from a file, with what is around them on this machine."""
