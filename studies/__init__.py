"""Predefined studies, one TOML file each."""
