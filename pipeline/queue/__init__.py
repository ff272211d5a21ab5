"""The event bus: Redis Streams, and the private Redis server that a single machine runs."""
