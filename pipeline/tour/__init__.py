"""Eagle-eye tours: where the head goes next, and when its picture counts as the right one."""
