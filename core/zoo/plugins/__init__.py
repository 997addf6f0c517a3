"""Plugins: what is installed, what it offers, and how a name finds its entry."""
