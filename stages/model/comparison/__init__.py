"""Networks that compare: what they know of a kind comes from the support and the query clip."""
