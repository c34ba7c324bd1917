"""Text → tokens → embeddings: the hot path."""
