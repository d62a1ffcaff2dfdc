# SPDX-License-Identifier: MIT
"""Benchmarks for developers: exactness, damage, sizes, text and sketches. For rate and speed use `semtool bench`."""
