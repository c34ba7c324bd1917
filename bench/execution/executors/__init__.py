"""Ways to have the runs of a study carried out, one a file."""
