"""Everything that one patient's page shows, read once and then made by pure functions."""
