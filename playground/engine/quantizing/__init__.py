"""Rounding weights to a few levels."""
