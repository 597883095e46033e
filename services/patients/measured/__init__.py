"""Readings, answers, photos and documents in the record, and what waits in quarantine."""
