"""Lessons that reproduce: each trains on real data by the roads that everybody has, and answers with a table and a picture."""
