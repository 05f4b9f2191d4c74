"""Public artifacts: found, read with the lines they stand on, made from a run, checked."""
