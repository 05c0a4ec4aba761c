"""What a variant is: how well it predicts, how large and how fast it is, what its numbers are."""
