"""Cases: the work orders that follow dispatched incidents. Nothing is built here yet."""
