"""Running a stranger's program: what it sees, what it may use, what it sends back."""
