"""What a patient is followed for: enrolments, pauses, limits, stays, persons with two records."""
