# SPDX-License-Identifier: MIT
"""Measurements for developers: exactness, damage, sizes, texts, sketches. Rates and speed are `semtool bench`."""
