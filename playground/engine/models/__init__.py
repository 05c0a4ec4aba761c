"""Models as they are published: which there are, where they come from, how they are loaded."""
