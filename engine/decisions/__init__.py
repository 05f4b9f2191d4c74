"""From a folder to a written decision, and back as long as that is allowed."""
