"""About the past: why this did not alert, what other limits would say, what alerts cost."""
