"""From the hand-over to the alert: what was measured, or was not, judged by the rules."""
