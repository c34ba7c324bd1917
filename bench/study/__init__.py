"""What may be asked: the schema of a study, its file, its arms."""
