"""The command `zoo`."""


def main() -> None:
    """Run the command line."""
