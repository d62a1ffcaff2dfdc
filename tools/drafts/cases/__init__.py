# SPDX-License-Identifier: MIT
"""Rows, models and cases of each draft, one module a draft: FOLDER, ROWS, MODELS, CASES, and TRAINED where packages are trained."""
