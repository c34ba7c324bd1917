"""What several figures are drawn of: curves with their intervals, names beside lines."""
