"""Shipped in-memory adapters, faults, and the simulator that runs the production code."""
