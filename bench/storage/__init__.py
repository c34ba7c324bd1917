"""Files, and what they hold: artifacts, run records, the ledger."""
