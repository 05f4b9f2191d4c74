"""Public artifacts and what is known of where they lie, findings out. Pure."""
