"""The evidence store: files that cannot change unnoticed, and that go when their time is over."""
