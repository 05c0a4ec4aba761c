"""The Merge tab."""
