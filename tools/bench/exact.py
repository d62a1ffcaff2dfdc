# SPDX-License-Identifier: MIT
"""One file, decoded in every way there is, must give the same symbols: what `make micro` runs.

    python -m tools.bench.exact [PHOTO]

The symbols' SHA-256 as the encoder wrote them, from refcodec without torch, with torch under 1 and 2 threads, oneDNN on
and off, both memory layouts, and from the micro-decoder, which shares no code with refcodec.
"""

from __future__ import annotations

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

# A process in which importing torch fails, as in a base install.
WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
from pathlib import Path
from refcodec import payload
print(payload(Path(sys.argv[1]).read_bytes()).sections[0].sha256)
"""


def torch_digest(data: bytes, threads: int, onednn: bool, channels_last: bool) -> str:
    import warnings

    import torch

    from refcodec.decoder import read_symbols
    from refcodec.networks.torch_backend import TorchBackend

    torch.set_num_threads(threads)
    warnings.filterwarnings("ignore", message="TF32")  # torch speaks of Intel GPUs here
    with torch.backends.mkldnn.flags(enabled=onednn):
        symbols = read_symbols(data, backend=TorchBackend(channels_last=channels_last))
    return hashlib.sha256(symbols.elic.serialise()).hexdigest()


def _line(what: str, digest: str, started: float, wanted: str) -> bool:
    same = digest == wanted
    print(f"{digest[:32]}…  {'same' if same else 'DIFFERENT'}  {time.monotonic() - started:6.1f} s  {what}", flush=True)
    return same


def main() -> None:
    from refcodec.codec import encode_picture
    from tools.demo import sample

    photo = Path(sys.argv[1]) if len(sys.argv) > 1 else sample()
    started = time.monotonic()
    made = encode_picture(photo, quality=5)
    wanted = hashlib.sha256(made.latents.serialise()).hexdigest()
    print(
        f"{photo.name}: {made.width}x{made.height}, {len(made.data)} bytes, {made.bpp:.4f} bpp; SHA-256 of its symbols:"
    )
    same = [_line("as the encoder wrote", wanted, started, wanted)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "photo.sem"
        path.write_bytes(made.data)
        started = time.monotonic()
        out = subprocess.run(
            [sys.executable, "-c", WITHOUT_TORCH, str(path)], cwd=ROOT, capture_output=True, text=True, check=True
        )
        same.append(_line("refcodec, numpy, no torch", out.stdout.strip(), started, wanted))
        for threads in (1, 2):
            for onednn in (True, False):
                for channels_last in (False, True):
                    started = time.monotonic()
                    digest = torch_digest(made.data, threads, onednn, channels_last)
                    layout = "channels last" if channels_last else "contiguous"
                    what = f"refcodec, torch, {threads} threads, oneDNN {'on' if onednn else 'off'}, {layout}"
                    same.append(_line(what, digest, started, wanted))
        started = time.monotonic()
        jobs = str(os.cpu_count() or 1)
        with path.open("rb") as stdin:
            command = [sys.executable, str(MICRO), "--tier", "symbols", "--jobs", jobs]
            out = subprocess.run(command, stdin=stdin, capture_output=True, text=True, check=False)
        digest = json.loads(out.stdout)["sections"][0]["sha256"] if out.returncode == 0 else out.stderr.strip()[-200:]
        same.append(_line("micro-decoder (standard library, plain integers)", digest, started, wanted))
    print(f"{sum(same)} of {len(same)} agree")
    sys.exit(0 if all(same) else 1)


if __name__ == "__main__":
    main()
