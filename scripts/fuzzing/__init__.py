"""Hostile input for every reader of the program: what is read, how it is spoilt, what may come."""
