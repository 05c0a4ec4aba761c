"""Moving the rows of single tokens."""
