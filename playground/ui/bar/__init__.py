"""The bar on top: the model, and the visitor's recipe."""
