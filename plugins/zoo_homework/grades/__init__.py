"""From attempts to grades, and all that is written about a class."""
