"""Rules: one file per incident type; each turns scenes into suspicions and sees no pixels."""
