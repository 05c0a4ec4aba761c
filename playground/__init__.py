"""Change a small language model's weights, retrieve instead, and compare the answers."""
