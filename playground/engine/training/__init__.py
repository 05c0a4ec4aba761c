"""Training adapters: data, methods, the loop, what it will cost, and the queue."""
