"""One file for each outside thing, behind its port."""
