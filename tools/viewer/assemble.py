# SPDX-License-Identifier: MIT
"""Assemble conv.wat, the WebAssembly kernel of the viewer's convolutions, into conv_wasm.mjs.

    python -m tools.viewer.assemble             write the module
    python -m tools.viewer.assemble --check     exit status 1 if it is not what conv.wat gives

Needs wasmtime (`pip install wasmtime`), whose assembler alone is used. Users of the viewer need neither.
"""

from __future__ import annotations

import argparse
import base64
import sys
import textwrap
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "paint"
SOURCE, MODULE = FOLDER / "conv.wat", FOLDER / "conv_wasm.mjs"
_COMMENT: Final = """\
// SPDX-License-Identifier: MIT
// conv.wat in binary, {size} bytes in base64. Written by `python -m tools.viewer.assemble`.

export const CONV = (
{lines}
);
"""


def module_text() -> str:
    """Return conv_wasm.mjs as it follows from conv.wat. Raises ImportError without wasmtime."""
    import wasmtime

    binary = bytes(wasmtime.wat2wasm(SOURCE.read_text(encoding="utf-8")))
    parts = textwrap.wrap(base64.b64encode(binary).decode("ascii"), 100)
    lines = " +\n".join(f'  "{part}"' for part in parts)
    return _COMMENT.format(size=len(binary), lines=lines)


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    arguments = parser.parse_args(argv)
    text = module_text()
    if arguments.check:
        if MODULE.read_text(encoding="utf-8") == text:
            return 0
        print(f"{MODULE.name} is not what {SOURCE.name} gives: run python -m tools.viewer.assemble", file=sys.stderr)
        return 1
    MODULE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
