"""Files of many kinds -> documents. What is not trusted is parsed in a confined child process.

Knows files and text; knows nothing about passages, search or the page.
"""
