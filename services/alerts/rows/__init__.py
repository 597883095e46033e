"""The worklist as it is stored: one row per patient and unit, checked all the time."""
