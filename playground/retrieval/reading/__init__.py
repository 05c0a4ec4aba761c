"""Files of many kinds -> documents. What is not trusted is parsed in a confined child process.

Knows files and text; knows nothing about passages, search or the page.
"""

from playground.retrieval.reading.files import read_files
from playground.retrieval.reading.names import KINDS
from playground.retrieval.reading.results import Document, Read, Skipped

__all__ = ["KINDS", "Document", "Read", "Skipped", "read_files"]
