"""Files and what is kept in them: artifacts, records of runs, the ledger."""
