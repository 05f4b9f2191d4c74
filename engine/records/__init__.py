"""The files of a run, one module a family. Imports nothing of ours."""
