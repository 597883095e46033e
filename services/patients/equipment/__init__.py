"""Devices, their credentials and certificates, and who holds what from when to when."""
