"""Measures Stubwright beside other gRPC stacks, and writes down what came out."""
