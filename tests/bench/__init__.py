"""How fast, as ratios to floors measured in the same round. Loopback only; stops by itself."""
