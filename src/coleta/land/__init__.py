"""Stage 2, pure: decode, batch, Parquet, commit."""
