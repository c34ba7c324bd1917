"""Exact search and its measures."""
