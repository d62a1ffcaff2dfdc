# SPDX-License-Identifier: MIT
"""Many files: tasks that are called with one file after another, and the processes in which they run.

    task = Encode({"quality": 5})               # a value that can be pickled
    outcome = task("a/b", "photos/a/b.jpg")     # an `Outcome`: the bytes of a .sem file, or an error; raises none

Standard library only until a task is first called. `semtool encode`, `decode`, `verify` and `inspect` of many files use it.
"""
