"""Storage: files at an address that fsspec knows, such as `s3://bucket/prefix`, whatever becomes of the network meanwhile.

`address` opens one and calls it again where what is wrong may pass, `objects` writes files that are there whole or not at all.
"""
