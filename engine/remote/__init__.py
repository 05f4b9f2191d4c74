"""A workspace on another machine: watched through a copy of its records, decided over there."""
