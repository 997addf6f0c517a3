"""generate: an image, from nothing or from a condition; or the likelihood of what is given, an image or a text."""
