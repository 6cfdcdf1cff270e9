"""The stages at work: decisions from the pure core, effects through ports."""
