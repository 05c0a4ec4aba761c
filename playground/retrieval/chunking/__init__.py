"""Documents into passages, word for word."""
