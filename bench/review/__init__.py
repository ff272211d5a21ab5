"""How quick the review server is with a full store, and the page at the operator's desk."""
