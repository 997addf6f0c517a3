"""Certificates: radii within which no attack exists, by bounds that go through a network layer by layer."""
