# SPDX-License-Identifier: MIT
"""Builders of the model packages in test_vectors/models."""
