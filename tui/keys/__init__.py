"""What each key does, one module for each screen (and for panes that have keys of their own)."""
