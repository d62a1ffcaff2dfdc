# SPDX-License-Identifier: MIT
"""The embedded VQ autoencoder: a picture as one code word of 1024 for 16x16 pixels, and back (method perco's preview)."""
