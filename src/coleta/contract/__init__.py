"""Stage 0: the types and rules of records."""
