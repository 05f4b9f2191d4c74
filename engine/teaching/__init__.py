"""Models that teach: one way to ask them for rows, reviews and plans, and keep what they say."""
