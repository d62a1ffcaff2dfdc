# SPDX-License-Identifier: MIT
"""Check that every decoder and backend decodes the same symbols from one file. `make micro` runs this.

    python -m tools.bench.exact [PHOTO] [--json OUT]

Compares the SHA-256 of the symbols that the encoder wrote with those decoded by refcodec without torch; by refcodec with
torch (1 and 2 threads, oneDNN on and off, both memory layouts); and by the micro-decoder, which shares no code with it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MICRO = ROOT / "conformance/decoders/micro/semmicro.py"

# Program for a process in which importing torch fails, as in a base install.
WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
from pathlib import Path
from refcodec import payload
print(payload(Path(sys.argv[1]).read_bytes()).sections[0].sha256)
"""


def torch_digest(data: bytes, threads: int, onednn: bool, channels_last: bool) -> str:
    """Return the SHA-256 of the symbols decoded with torch."""
    import warnings

    import torch

    from refcodec.decoder import decode_file
    from refcodec.networks.torch_backend import TorchBackend

    torch.set_num_threads(threads)
    warnings.filterwarnings("ignore", message="TF32")  # torch warns about Intel GPUs
    with torch.backends.mkldnn.flags(enabled=onednn):
        symbols = decode_file(data, backend=TorchBackend(channels_last=channels_last))
    return hashlib.sha256(symbols.elic.serialise()).hexdigest()


def _line(label: str, digest: str, started: float, expected: str) -> bool:
    """Print one comparison; return whether the digests agree."""
    same = digest == expected
    print(
        f"{digest[:32]}…  {'same' if same else 'DIFFERENT'}  {time.monotonic() - started:6.1f} s  {label}", flush=True
    )
    return same


def main() -> None:
    from refcodec.codec import encode_file
    from tools.demo import sample

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo", nargs="?", type=Path)
    parser.add_argument("--json", type=Path, help="write the counts to this file, too")
    arguments = parser.parse_args()
    photo = arguments.photo or sample()
    started = time.monotonic()
    encoded = encode_file(photo, quality=5)
    expected = hashlib.sha256(encoded.latents.serialise()).hexdigest()
    print(
        f"{photo.name}: {encoded.width}x{encoded.height}, {len(encoded.data)} bytes, {encoded.bpp:.4f} bpp; SHA-256 of its symbols:"
    )
    same = [_line("written by the encoder", expected, started, expected)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "photo.sem"
        path.write_bytes(encoded.data)
        started = time.monotonic()
        out = subprocess.run(
            [sys.executable, "-c", WITHOUT_TORCH, str(path)], cwd=ROOT, capture_output=True, text=True, check=True
        )
        same.append(_line("refcodec, numpy, no torch", out.stdout.strip(), started, expected))
        for threads in (1, 2):
            for onednn in (True, False):
                for channels_last in (False, True):
                    started = time.monotonic()
                    digest = torch_digest(encoded.data, threads, onednn, channels_last)
                    layout = "channels last" if channels_last else "contiguous"
                    label = f"refcodec, torch, {threads} threads, oneDNN {'on' if onednn else 'off'}, {layout}"
                    same.append(_line(label, digest, started, expected))
        started = time.monotonic()
        jobs = str(os.cpu_count() or 1)
        with path.open("rb") as stdin:
            command = [sys.executable, str(MICRO), "--tier", "symbols", "--jobs", jobs]
            out = subprocess.run(command, stdin=stdin, capture_output=True, text=True, check=False)
        digest = json.loads(out.stdout)["sections"][0]["sha256"] if out.returncode == 0 else out.stderr.strip()[-200:]
        same.append(_line("micro-decoder (standard library, plain integers)", digest, started, expected))
    print(f"{sum(same)} of {len(same)} agree")
    if arguments.json is not None:
        arguments.json.write_text(json.dumps({"decoders": len(same), "agree": sum(same)}) + "\n")
    sys.exit(0 if all(same) else 1)


if __name__ == "__main__":
    main()
