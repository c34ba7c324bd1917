"""One run: loop, budget, checkpoint."""
