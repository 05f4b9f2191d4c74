"""The journal: the runs of a workspace as a document that one can read in a year."""
