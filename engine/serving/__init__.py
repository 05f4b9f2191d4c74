"""Model servers of this machine, and a client for anyone's OpenAI-compatible endpoint."""
