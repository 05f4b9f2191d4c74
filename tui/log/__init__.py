"""A log of any size: rows by a sparse index, searched and filtered in a thread."""
