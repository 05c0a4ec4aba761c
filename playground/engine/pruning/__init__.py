"""Setting the least important weights to zero."""
