"""The ledger: sightings and incidents in a database, written in the transaction of their events."""
