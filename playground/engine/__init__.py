"""Models and weights: loading, forking, editing, generating, measuring.

Imports neither gradio nor playground.retrieval. Importing it registers every kind of edit.
"""

from playground.engine import kinds as kinds
