"""Optimizing weights: what students and fine-tuned teachers share."""
