"""Measures Stubwright and other gRPC stacks, and writes the results."""
