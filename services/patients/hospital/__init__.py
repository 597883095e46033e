"""The hospital itself: units, staff, ladders, which version of a programme counts."""
