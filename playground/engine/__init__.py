"""Models and weights: loading, forking, editing, generating, measuring.

Imports neither gradio nor playground.retrieval.
"""
