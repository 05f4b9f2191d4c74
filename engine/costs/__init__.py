"""What a run would cost: from benchmarks and earlier runs to time and memory."""
