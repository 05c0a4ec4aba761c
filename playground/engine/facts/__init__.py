"""Facts in a model's weights: where one is kept, how it is rewritten, and what that costs."""
