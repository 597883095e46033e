"""Telling people: the ladder of a unit, reminders to patients, the channels."""
