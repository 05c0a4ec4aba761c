"""What every tab stands on."""
