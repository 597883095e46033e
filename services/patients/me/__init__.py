"""The patient's own page: what it reads, and what the patient sends from it."""
