"""Several runs side by side: what was set otherwise, what came of it, and whether that is noise."""
