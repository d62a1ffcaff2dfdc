# SPDX-License-Identifier: MIT
"""The fuzz targets, one module each, which exports `TARGET`. They are imported when one is run."""
