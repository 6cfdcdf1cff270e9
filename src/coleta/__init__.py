"""Coleta collects records from HTTP APIs, checks each against a contract, and lands them exactly once."""

__version__ = "0.1.0"
