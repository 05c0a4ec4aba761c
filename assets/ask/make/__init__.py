"""Makes ``assets/ask/example.json``: what the page shows before anybody has asked."""
