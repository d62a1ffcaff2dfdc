# SPDX-License-Identifier: MIT
"""Run the codec in processes of unusual state, and compare results and what is left behind with a plain process."""
