"""What teachers share: their models, fine-tuning, and what they said of the training texts."""
