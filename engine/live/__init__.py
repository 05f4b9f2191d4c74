"""What a run tells while it goes on: from a growing file to series, stages, signs and time left."""
