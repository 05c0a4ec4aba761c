"""Search by meaning: encoders, the vectors that they make, and the index of a corpus."""
