"""Training of the patrol's detector: data, masked loss, loop, export, card."""
