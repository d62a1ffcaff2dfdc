# SPDX-License-Identifier: MIT
"""Rows that third parties propose for the registry: check a contributed folder, and write its manifest (docs/registry.md).

FOLDER/registry.json        one or more rows with private ids
FOLDER/models/NAME/         the model packages that they name
FOLDER/cases.json           what the vectors are, from which `manifest` writes manifest.json
FOLDER/manifest.json        the suite, in the form of test_vectors/manifest.json
FOLDER/README.md, LICENSE
"""
