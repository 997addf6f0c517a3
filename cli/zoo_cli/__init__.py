"""The command line: parses, calls `zoo`, renders."""
