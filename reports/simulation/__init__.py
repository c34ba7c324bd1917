"""How honest the statistics are: measured by simulation, and kept in reports/coverage.csv."""
