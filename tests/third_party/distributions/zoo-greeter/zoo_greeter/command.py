"""The command."""


def greet(name: str, loud: bool = False) -> None:
    """Greet NAME."""
    text = f"hello {name}"
    print(text.upper() if loud else text)
