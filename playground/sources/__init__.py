"""The table of the sources: whose weights x what stands before the question, over many questions."""
