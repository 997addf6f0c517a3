"""What a result depends on beside its data, told by one notion: runs, training, a user's own modules and the index use it.

Any doubt means that nothing is reused, which costs time, never a wrong score; and the run says so.
`files` hashes files, `sources` finds them, `code` puts them into a key, `own` describes a module of the user's own, and
`watching` sees what code opens, asks and draws beyond that while it runs.
"""
