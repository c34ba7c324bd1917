"""A trained student for others: the folder they load, and its card."""
