"""Drawings and controls that two tabs use."""
