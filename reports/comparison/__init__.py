"""Several studies, or one study on several collections, side by side."""
