"""One question asked once: every way answers it, and a verdict."""
