"""The patrol's label space: one order for training data, weights and rules."""

LABELS: tuple[str, ...] = (
    "person",
    "helmet",
    "bare_head",
    "garbage",
    "overflowing_bin",
    "bin",
    "stall",
    "parasol",
    "two_wheeler",
    "car",
    "truck_bus",
    "tricycle",
)
"""Class names by class id. Extend at the end: weights and label files count on the order."""
