"""Needs a package that is absent."""

import module_that_is_nowhere  # noqa: F401
