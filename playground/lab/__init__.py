"""The fact lab: one fact, every way to teach it, measured."""
