# SPDX-License-Identifier: MIT
"""Find the key of an endpoint. A key is sent to its own host only.

SEM_ENDPOINT_KEYS           a file of lines "HOST KEY", readable by its owner only; HOST as in the URL, with its port
SEM_ENDPOINT_KEY_<HOST>     the key of one host: upper case, each other character an underscore, then the port if the URL
                            has another than the default, such as SEM_ENDPOINT_KEY_API_EXAMPLE_COM_8443
SEM_ENDPOINT_KEY            the key of the host SEM_ENDPOINT_HOST; without that variable, of the only host of a run that
                            neither of the two above names

The first that has a key for the host is used. Hosts are compared in lower case, without a trailing dot and without the
default port of the scheme; the same name with another port is another host. Keys are read when a request is made and
not stored.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Mapping
from typing import Final

from refcodec.errors import Code, SemError
from refcodec.fileio import read_settings, shown
from refcodec.foundation.endpoint.address import host_of

KEY: Final = "SEM_ENDPOINT_KEY"
HOST: Final = "SEM_ENDPOINT_HOST"
KEYS: Final = "SEM_ENDPOINT_KEYS"
FILE_BYTES_MAX: Final = 1 << 16


class KeyNotUsable(Exception):
    """A key cannot be sent. `args`: the problem and the remedy, neither of which contains a key."""


def variable_of(host: str) -> str:
    """Return the name of the environment variable for the key of one host, such as SEM_ENDPOINT_KEY_API_EXAMPLE_COM."""
    return f"{KEY}_{re.sub('[^A-Z0-9]', '_', host.strip('[]').replace(']:', ':').upper())}"


def key_for(host: str, others: Iterable[str] = (), variables: Mapping[str, str] | None = None) -> str | None:
    """Return the key of a host, None for a host without one.

    others: the other hosts of the run. variables: the environment, by default that of the process. Raises `KeyNotUsable`
    if it is unclear to which host a key belongs, or if a header cannot hold it.
    """
    environ = os.environ if variables is None else variables
    hosts = {host, *others}
    listed = _listed_keys(environ.get(KEYS, ""))
    if host in listed:
        return _checked(listed[host], KEYS)
    own = _own_key(host, hosts, environ)
    if own is not None:
        return own
    key = environ.get(KEY, "").strip()
    if not key:
        return None
    if only := environ.get(HOST, "").strip():
        try:
            return _checked(key, KEY) if host_of(only) == host else None
        except ValueError:
            raise KeyNotUsable(f"{HOST} is not a host", f"put host or host:port into {HOST}") from None
    without = sorted(h for h in hosts if h not in listed and not environ.get(variable_of(h), "").strip())
    if len(without) > 1:
        names = " and ".join(map(variable_of, without))
        raise KeyNotUsable(
            f"{KEY} is the key of one host, and this run has endpoints on {' and '.join(map(shown, without))}",
            f"put the keys into {names}, or name the host of {KEY} in {HOST}",
        )
    return _checked(key, KEY)


def _own_key(host: str, hosts: set[str], environ: Mapping[str, str]) -> str | None:
    variable = variable_of(host)
    key = environ.get(variable, "").strip()
    if not key:
        return None
    if same := sorted(other for other in hosts if other != host and variable_of(other) == variable):
        raise KeyNotUsable(
            f"{variable} may be the key of {shown(host)} or of {shown(same[0])}", f"put both into the file {KEYS}"
        )
    return _checked(key, variable)


def _listed_keys(path: str) -> dict[str, str]:
    """Return host -> key of the file SEM_ENDPOINT_KEYS; {} without a file."""
    if not path:
        return {}
    hint = f"correct the file that {KEYS} names"
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise KeyNotUsable(f"{shown(path)} is not a file", hint)
        if os.name == "posix" and stat.S_IMODE(status.st_mode) & 0o077:
            raise KeyNotUsable(f"others may read or write {shown(path)}", f"chmod 600 {shown(path)}")
        lines = read_settings(path, FILE_BYTES_MAX, "a file of keys").decode("ascii").splitlines()
    except OSError as error:
        raise KeyNotUsable(f"{shown(path)}: {error.strerror}", hint) from None
    except (SemError, ValueError) as error:
        what = error.what if isinstance(error, SemError) and error.code == Code.CANNOT_READ else "not lines of HOST KEY"
        raise KeyNotUsable(f"{shown(path)}: {what}", hint) from None
    keys: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        host = None if len(words) != 2 else _line_host(words[0])
        if host is None or host in keys:
            raise KeyNotUsable(f"{shown(path)}, line {number}: is not HOST KEY, or repeats a host", hint)
        keys[host] = words[1]
    return keys


def _line_host(text: str) -> str | None:
    try:
        return host_of(text)
    except ValueError:
        return None


def _checked(key: str, source: str) -> str:
    """Return a key that a header can hold."""
    if not key.isascii() or not key.isprintable():
        raise KeyNotUsable(
            "the key contains characters that a header cannot hold", f"check the environment variable {source}"
        )
    return key
