"""From a target to a run that starts: drafts, stages, and what is checked before."""
