"""What the unit does: moves on alerts, tasks, contacts, messages, forms, limits, photos."""
