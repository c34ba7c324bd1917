"""What a study will do and take, before anything is run."""
