"""Carrying a study out: what there is to do, in which order, and what is there already."""
