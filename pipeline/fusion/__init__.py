"""One incident from many cameras: what is the same happening, and whose clock is off."""
