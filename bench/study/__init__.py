"""The schema of study files, reading them, and the arms of a study."""
