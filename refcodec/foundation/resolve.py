# SPDX-License-Identifier: MIT
"""Which models fill the roles of a method: a folder, a model of the hub with its revision, or an endpoint. No torch here.

A **set** is a folder whose `models.json` says what fills which role and with which digest:

    {"format": "sem-models", "format_version": 1, "roles": {"painter": {"source": "painter", "revision": null, "sha256": "…"}}}

`source` is a folder inside the set, or a hub id. Without a `models.json`, subfolders named for roles fill them.
Weights are safetensors files and nothing else: a pickle is never opened (`semtool models import` converts them).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from refcodec.canonical_json import parse_json
from refcodec.environment import Environment
from refcodec.errors import Code, SemError
from refcodec.fileio import shown
from refcodec.foundation.folder_digest import folder_sha256, model_files

if TYPE_CHECKING:
    from refcodec.foundation.endpoint import Address

LISTING: Final = "models.json"
FORMAT, FORMAT_VERSION = "sem-models", 1
LISTING_BYTES_MAX: Final = 1 << 20
DEVICES: Final = ("auto", "cpu", "cuda", "mps")
DTYPES: Final = ("auto", "float32", "float16", "bfloat16")

# role -> what fills it
ROLES: Final = {
    "captioner": "a vision-language model",
    "language": "a language model",
    "painter": "a diffusion pipeline",
    "controlnet": "a ControlNet of the painter",
    "image_embedder": "a CLIP vision model",
    "text_encoder": "a CLIP text model",
    "clip": "a CLIP model of pictures and texts",
    "edge_detector": "an HED edge detector",
    "hyper_encoder": "a PerCo hyper-encoder",
    "segmenter": "a semantic segmentation model",
}
WEIGHTS: Final = ".safetensors"
PICKLED: Final = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".h5", ".msgpack")
_HUB_FILES: Final = ["*.safetensors", "*.json", "*.txt", "*.model", "*.jinja"]
_HUB_LEFT: Final = [
    "*.fp16.safetensors",
    "*non_ema*",
    "*-pruned.safetensors",
    "*flax*",
    "*openvino*",
    "*onnx*",
    "open_clip*",
]
_PICKLED_TOO: Final = ["*.bin", "*.pt", "*.pth", "*.ckpt"]  # fetched only to be converted
_REVISION: Final = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w-][\w.-]*)*")
_SHA256: Final = re.compile("[0-9a-f]{64}")
_HUB_ID: Final = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?")
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Source:
    """What fills a role. place: a folder, a hub id, or the http(s) URL of an endpoint. sha256: of a folder, recorded."""

    role: str
    place: str
    revision: str | None = None
    sha256: str | None = None

    @property
    def is_endpoint(self) -> bool:
        return self.place.startswith(("https://", "http://"))

    @property
    def name(self) -> str:
        """For people and for provenance: no path of this machine."""
        if os.path.isdir(self.place):
            folder = Path(self.place).resolve()
            return f"{folder.parent.name}/{folder.name}" if folder.name == self.role else folder.name
        if self.is_endpoint:
            from refcodec.foundation import endpoint

            return endpoint.address(self.place).name
        return f"{self.place}@{self.revision}" if self.revision else self.place


def parse(text: str) -> tuple[str, str] | None:
    """(role, place) of ROLE=PLACE; None for what names no role: a folder. ValueError for a role that there is not."""
    role, equals, place = text.partition("=")
    if not equals or os.path.exists(text):
        return None
    if role not in ROLES:
        raise ValueError(f"{role!r} is no role: there are {', '.join(ROLES)}")
    if not place:
        raise ValueError(f"nothing is named for the role {role}")
    return role, place


def source(role: str, place: str | os.PathLike[str]) -> Source:
    """A folder, an endpoint, or ID[@REVISION]. ValueError for a URL that is no endpoint's."""
    text = os.fspath(place)
    made = Source(role, text)
    if os.path.isdir(text) or (made.is_endpoint and made.name):
        return made
    hub, _, revision = text.partition("@")
    return Source(role, hub, revision or None)


def listed(folder: Path) -> dict[str, Source]:
    """What a folder fills: by its models.json, as a pipeline or by the names of its subfolders; nothing where it has none.

    SEM-E-803 for a models.json that is none.
    """
    if os.path.isfile(folder / LISTING):
        return _from_listing(folder)
    if os.path.isfile(folder / "model_index.json"):
        return {"painter": Source("painter", str(folder))}
    return {role: Source(role, str(folder / role)) for role in ROLES if os.path.isdir(folder / role)}


def _broken(folder: Path, what: str) -> SemError:
    return SemError(
        Code.MODEL_MALFORMED,
        f"{shown(str(folder / LISTING))}: {what}",
        path="models",
        hint="correct it, or remove it and import the models again",
    )


def listing(folder: Path) -> dict[str, Any]:
    """The document models.json of a folder, whose `roles` is an object; SEM-E-803 for one that is none."""
    try:
        if (folder / LISTING).stat().st_size > LISTING_BYTES_MAX:
            raise ValueError("too long")
        document: Any = parse_json((folder / LISTING).read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise _broken(folder, "not a JSON document that can be read") from error
    version = document.get("format_version") if isinstance(document, dict) else None
    if (
        not isinstance(document, dict)
        or document.get("format") != FORMAT
        or type(version) is not int
        or version != FORMAT_VERSION
    ):
        raise _broken(folder, f"not {FORMAT} of version {FORMAT_VERSION}")
    if not isinstance(document.get("roles"), dict):
        raise _broken(folder, "no object of roles")
    return document


def _from_listing(folder: Path) -> dict[str, Source]:
    found: dict[str, Source] = {}
    for role, entry in listing(folder)["roles"].items():
        place, revision, sha256 = (
            entry.get(k) if isinstance(entry, dict) else None for k in ("source", "revision", "sha256")
        )
        if (
            role not in ROLES
            or not isinstance(place, str)
            or not isinstance(revision, str | None)
            or not isinstance(sha256, str | None)
        ):
            raise _broken(folder, f"no role, source, revision and sha256 in {role!r}")
        if sha256 is not None and _SHA256.fullmatch(sha256) is None:
            raise _broken(folder, f"the sha256 of {role} is not 64 lower-case hexadecimal digits")
        if inside(folder, place):
            place = str(folder / place)
        elif _HUB_ID.fullmatch(place) is None:
            raise _broken(folder, f"{role} is neither a folder of the set nor a hub id")
        found[role] = Source(role, place, revision, sha256)
    return found


def inside(folder: Path, place: str) -> bool:
    """Whether `place` names a folder below this one, by a path that leads nowhere else on any system."""
    parts = PureWindowsPath(place).parts  # splits at both kinds of slash, and knows drives
    leads_out = os.path.isabs(place) or PureWindowsPath(place).anchor or ".." in parts
    return bool(parts) and not leads_out and "\0" not in place and os.path.isdir(folder / place)


def sets(environment: Environment) -> Iterator[Path]:
    """The folders with a models.json on the search path of models, in order."""
    for place in environment.package_folders:
        try:
            folders = [place, *sorted(place.iterdir())]
        except OSError:
            continue
        yield from (folder for folder in folders if os.path.isfile(folder / LISTING))


def installed(environment: Environment) -> dict[str, Source]:
    """What the sets on the search path fill; the first that names a role fills it."""
    found: dict[str, Source] = {}
    for folder in sets(environment):
        found = listed(folder) | found
    return found


@dataclass
class Models:
    """What the user names, and where it runs. Loaded models are kept for as long as this is.

    folders: looked at first for model packages (SPEC §12). roles: what fills them, a `Source` or a loaded model itself.
    environment: where else packages and what fills roles are looked for, with registry and tables.
    """

    folders: tuple[Path, ...] = ()
    roles: dict[str, Any] = field(default_factory=dict)
    device: str = "auto"
    dtype: str = "auto"
    environment: Environment = field(default_factory=Environment.default)
    used: dict[str, str] = field(default_factory=dict)  # role -> name, of everything that was taken
    _loaded: dict[tuple[str, str], Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        models: Any = None,
        *,
        device: str = "auto",
        dtype: str = "auto",
        environment: Environment | None = None,
    ) -> Models:
        """Of a folder, of several, or of {role: folder, hub id, endpoint or loaded model}; a `Models` is itself.

        environment: of a `Models`, too, in place of its own; None is the default. A text may also be ROLE=PLACE.
        ValueError for a role, a device or a dtype that there is not.
        """
        environment = Environment.of(environment)
        if isinstance(models, Models):
            return models if environment == models.environment else replace(models, environment=environment)
        if device not in DEVICES or dtype not in DTYPES:
            raise ValueError(f"device is one of {', '.join(DEVICES)}, dtype one of {', '.join(DTYPES)}")
        made = cls(device=device, dtype=dtype, environment=environment)
        if isinstance(models, Mapping):
            for role, place in models.items():
                made.fill(role, place)
            return made
        several: Iterable[Any] = (models,) if isinstance(models, str | os.PathLike) else models or ()
        for entry in several:
            named = parse(entry) if isinstance(entry, str) else None
            if named is not None:
                made.fill(*named)
                continue
            folder = Path(entry)
            made.folders += (folder,)
            made.roles = listed(folder) | made.roles
        return made

    def fill(self, role: str, place: Any) -> None:
        """ValueError for a role that there is not."""
        if role not in ROLES:
            raise ValueError(f"{role!r} is no role: there are {', '.join(ROLES)}")
        self.roles[role] = source(role, place) if isinstance(place, str | os.PathLike) else place

    def find(self, role: str) -> Any:
        """A `Source`, a loaded model, or None where nothing fills the role."""
        found = self.roles.get(role)
        return found if found is not None else installed(self.environment).get(role)

    @property
    def package_environment(self) -> Environment:
        """The environment in which packages are looked for in the folders named, too, and there first."""
        return self.environment.with_packages(self.folders)

    def has(self, role: str) -> bool:
        return self.find(role) is not None

    def torch_device(self) -> str:
        """The name of the device: `auto` is cuda, else mps, else cpu. ValueError for one that is not here."""
        from refcodec.foundation.device import device_of

        return str(device_of(self))

    def has_cuda(self) -> bool:
        from refcodec.foundation.device import has_cuda

        return has_cuda()

    def load(
        self,
        role: str,
        loader: Callable[[Path, Models], T],
        recommended: Mapping[str, str],
        remote: Callable[[str, Address], R] | None = None,
    ) -> T | R:
        """The model of a role; `loader` makes it of a local folder whose digest has been verified.

        recommended: role -> hub id, named where nothing fills it. remote: makes it of an endpoint; None: none will do.
        SEM-E-801, 802, 803 and 805.
        """
        found = self.find(role)
        if found is None:
            raise missing(role, recommended)
        if not isinstance(found, Source):
            self.used[role] = getattr(found, "name", type(found).__name__)
            return cast(T, found)
        key = (role, f"{loader.__module__}.{loader.__qualname__}")
        if key not in self._loaded:
            self._loaded[key] = self._made(found, loader, remote)
        self.used[role] = found.name
        return cast(T, self._loaded[key])

    def _made(
        self, found: Source, loader: Callable[[Path, Models], T], remote: Callable[[str, Address], R] | None
    ) -> T | R:
        if not found.is_endpoint:
            return loader(local(found), self)
        if remote is None:
            raise missing(found.role, what=f"{found.role}: this method does not take an endpoint for it")
        from refcodec.foundation import endpoint

        return remote(found.role, endpoint.address(found.place))


def told(used: Mapping[str, str]) -> str:
    """What was used, role by role, as provenance and the metadata of pictures say it."""
    return ", ".join(f"{role} {name}" for role, name in sorted(used.items()))


def missing(role: str, recommended: Mapping[str, str] = {}, what: str | None = None) -> SemError:
    """SEM-E-801 that names role, model and remedy."""
    usual = recommended.get(role)
    text = what or (
        f"nothing fills the role {role} ({ROLES[role]})" + (f"; the profile recommends {usual}" if usual else "")
    )
    example = usual or "FOLDER"
    return SemError(
        Code.MODEL_UNAVAILABLE, text, path=role, hint=f"name it with --model {role}={example}, a folder or a hub id"
    )


def local(found: Source, *, fetch: bool = True) -> Path:
    """The folder of a source, fetched from the hub where it is not here, its weights safetensors, its digest verified.

    fetch: False takes from the hub only what is here already. SEM-E-801 for what cannot be had, 802 for another digest
    than recorded, 803 for pickled weights.
    """
    folder = Path(found.place)
    if not os.path.isdir(folder):
        folder = fetched(found, fetch=fetch)
    files = [path for _, path in model_files(folder)]
    if not any(path.suffix == WEIGHTS for path in files):
        if pickled := sorted(path.name for path in files if path.suffix in PICKLED):
            hint = "convert them with semtool models import, or get the model's safetensors files"
            raise SemError(
                Code.MODEL_MALFORMED,
                f"{found.role}: {shown(found.name)} has pickled weights only ({shown(pickled[0])}), which are never opened",
                path=found.role,
                hint=hint,
            )
        hint = f"name a folder that has safetensors files with --model {found.role}=FOLDER"
        raise SemError(
            Code.MODEL_UNAVAILABLE, f"{found.role}: {shown(found.name)} has no weights", path=found.role, hint=hint
        )
    if found.sha256 is not None and sha256_of(found, folder) != found.sha256:
        hint = "get the listed one, or record this one with semtool models import"
        raise SemError(
            Code.MODEL_DIGEST,
            f"{found.role}: {shown(found.name)} has another digest than {LISTING} says",
            path=found.role,
            hint=hint,
        )
    return folder


def sha256_of(found: Source, folder: Path) -> str:
    """The digest of a source whose files are in `folder`. Of the hub's, only what we fetch counts: its cache may hold more."""
    return folder_sha256(folder, () if os.path.isdir(found.place) else _HUB_LEFT)


def fetched(found: Source, *, fetch: bool = True, pickled: bool = False) -> Path:
    """The folder of a model of the hub; with `pickled` also its pickled weights. SEM-E-801, 805."""
    if (
        os.path.lexists(found.place)
        or found.place.startswith((".", "/", "~"))
        or _HUB_ID.fullmatch(found.place) is None
    ):
        raise missing(found.role, what=f"{found.role}: {shown(found.place)} is no folder")
    if found.revision is not None and _REVISION.fullmatch(found.revision) is None:
        raise missing(found.role, what=f"{found.role}: {shown(found.revision)} is no revision")
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError
    except ImportError as error:
        raise need_models() from error
    transport = HfHubHTTPError.__bases__[0]  # of the HTTP library's errors, which are not all OSError
    files = [*_HUB_FILES, *(_PICKLED_TOO if pickled else ())]
    try:
        return Path(
            snapshot_download(
                found.place,
                revision=found.revision,
                allow_patterns=files,
                ignore_patterns=_HUB_LEFT,
                local_files_only=not fetch,
            )
        )
    except (OSError, ValueError, RuntimeError, transport) as error:
        what = f"{found.role}: the model {shown(found.name)} is not on this machine" + (
            " and cannot be fetched from the hub" if fetch else ""
        )
        hint = f"check the name and the network, or name a folder with --model {found.role}=FOLDER"
        raise SemError(Code.MODEL_UNAVAILABLE, what, path=found.role, hint=hint) from error


def need_models() -> SemError:
    """SEM-E-805 for a machine without transformers and diffusers."""
    return SemError(
        Code.DEPENDENCY_MISSING,
        "foundation models need transformers and diffusers, which are not installed",
        hint="pip install 'refcodec[models]'",
    )
