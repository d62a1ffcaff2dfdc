# SPDX-License-Identifier: MIT
"""The embedded VQ autoencoder of method perco: one of 1024 codes per 16x16 pixels, and the preview of such codes."""
