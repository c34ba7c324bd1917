"""Batches of triples as positions, and how many labels they use up."""
