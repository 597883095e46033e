"""Who may see and who has seen: locks, relatives, the audit trail, exports, corrections."""
