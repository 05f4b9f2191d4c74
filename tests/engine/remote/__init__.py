"""Workspaces on other machines."""
