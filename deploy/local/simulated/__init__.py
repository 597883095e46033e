"""Pure: what simulated patients measure at home. Everybody here is invented.

The same seed, home and day always give the same readings with the same ids, so that history sent
again is a duplicate and not a second history.
"""
