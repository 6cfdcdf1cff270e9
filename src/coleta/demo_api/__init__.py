"""The tutorial's purchases API, with faults on request. Not needed in production."""
