# SPDX-License-Identifier: CC0-1.0
semtool completion fish 2>/dev/null | source
