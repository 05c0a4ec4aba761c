"""The Ask tab: a question, every way to its answer, and a verdict."""
