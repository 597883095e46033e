"""A patient who is nobody sends a red reading at an interval, and his alert is waited for."""
