"""What a study may ask for: its schema, its file, its arms."""
