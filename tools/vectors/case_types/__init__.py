# SPDX-License-Identifier: MIT
"""Cases of manifest.json's lists other than `vectors`: each builds its own files and entries."""
