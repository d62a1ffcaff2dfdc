# SPDX-License-Identifier: MIT
"""The cases of all test vectors, in one module or a few for each section of SPEC.md.

`suite.py` finds the modules by themselves. Each defines

    FOLDER   the folder of test_vectors/ for the files of its valid and invalid cases
    CASES    the cases: ValidCase, InvalidCase, and those of `tools.vectors.case_types`

The notes of released cases are part of the manifest, and stay as they are.
"""
