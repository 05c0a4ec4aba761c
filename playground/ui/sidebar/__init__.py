"""The sidebar: the model, and the visitor's recipe."""
