"""The proof: the real program, killed, cut off and crowded, and an independent count of what came of it.

Each module is one kind of proof; ``python -m proof`` runs them and prints one report. See README.md beside it.
"""
