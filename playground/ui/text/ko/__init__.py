"""Korean, a file for each tab; ``text`` finds them all."""
