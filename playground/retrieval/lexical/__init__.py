"""Search by words: terms, BM25 in its three forms, and the engines that count them."""
