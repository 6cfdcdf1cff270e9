"""What can be asked of what has landed: rows, rejects, SQL, a record's way, what collecting costs. Reads only."""
