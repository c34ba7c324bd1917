"""What another package adds to the benchmark, by the names that `docs/compatibility.md` lists.

The teacher, the student and the sampler were written for the release before: they use old names.
"""
