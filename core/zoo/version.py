"""The version of the distribution, alone in a file so that the build backend and the index can read it cheaply."""

__version__ = "0.1.0"
