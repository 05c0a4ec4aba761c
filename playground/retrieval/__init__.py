"""Documents and search. Imports neither gradio nor ``playground.engine``."""
