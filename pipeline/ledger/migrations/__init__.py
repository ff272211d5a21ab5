"""Schema migrations; one chain for all tables, run by `pipeline.ledger.database.migrate`."""
