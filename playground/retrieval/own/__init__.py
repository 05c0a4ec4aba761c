"""A visitor's own documents: what a collection is, how it is changed, and where it is kept."""
