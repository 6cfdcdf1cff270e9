"""Stage 1, pure: which ticks are due, what to ask, whether to keep what came, how it is spooled."""
