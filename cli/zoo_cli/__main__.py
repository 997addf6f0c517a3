"""`python -m zoo_cli`: the command `zoo`, for an environment whose scripts are not on the path."""

from zoo_cli.app import main

main()
