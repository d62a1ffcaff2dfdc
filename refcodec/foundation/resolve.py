# SPDX-License-Identifier: MIT
"""Find the models of a method, named by the user or installed, and load them on first use. Imports no torch."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from refcodec.environment import Environment
from refcodec.foundation.download import libraries_error, resolve_folder
from refcodec.foundation.folder_code import refuse_code
from refcodec.foundation.folder_digest import model_files
from refcodec.foundation.models_json import installed_roles, roles_in_folder
from refcodec.foundation.roles import ROLES, ModelSource, missing_model_error, parse_role, source_of
from refcodec.foundation.worker import proxy
from refcodec.foundation.worker.limits import WorkerLimits
from refcodec.foundation.worker.watch import Label

if TYPE_CHECKING:
    from refcodec.foundation.captioner import Captioner
    from refcodec.foundation.endpoint import Address, RemoteCaptioner, RemoteLanguageModel, RemoteTextToImage
    from refcodec.foundation.language_model import LanguageModel
    from refcodec.foundation.text_to_image import TextToImage

DEVICES: Final = ("auto", "cpu", "cuda", "mps")
DTYPES: Final = ("auto", "float32", "float16", "bfloat16")
TOGETHER: Final = ("painter", "controlnet", "hyper_encoder")  # roles whose models take each other's objects
T = TypeVar("T")
R = TypeVar("R")
Loader = (
    str | Callable[[Path, "Models"], T]
)  # or MODULE:NAME of one, as `worker.proxy` takes it, which imports no torch


@dataclass
class Models:
    """Models named by the user, and the device they run on. Loaded models are cached in this object.

    folders: searched first for model packages (SPEC §12). roles: role -> `ModelSource` or loaded model.
    environment: registry, tables, and the other folders searched for packages and roles. limits: of the process in which
    models of folders run; models that the caller has loaded run in the caller's own.
    """

    folders: tuple[Path, ...] = ()
    roles: dict[str, Any] = field(default_factory=dict)
    device: str = "auto"
    dtype: str = "auto"
    environment: Environment = field(default_factory=Environment.default)
    limits: WorkerLimits = field(default_factory=WorkerLimits)
    used: dict[str, str] = field(default_factory=dict)  # role -> name of each model used
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
        """Return the models of a folder, of several, or of {role: folder, hub id, endpoint or loaded model}.

        A `Models` is returned with only the environment replaced (None: the default). A text may also be ROLE=MODEL.
        Raises ValueError for an unknown role, device or dtype.
        """
        environment = Environment.of(environment)
        if isinstance(models, Models):
            return models if environment == models.environment else replace(models, environment=environment)
        if device not in DEVICES or dtype not in DTYPES:
            raise ValueError(f"device is one of {', '.join(DEVICES)}, dtype one of {', '.join(DTYPES)}")
        result = cls(device=device, dtype=dtype, environment=environment)
        if isinstance(models, Mapping):
            for role, place in models.items():
                result.fill(role, place)
            return result
        several: Iterable[Any] = (models,) if isinstance(models, str | os.PathLike) else models or ()
        for entry in several:
            assignment = parse_role(entry) if isinstance(entry, str) else None
            if assignment is not None:
                result.fill(*assignment)
                continue
            folder = Path(entry)
            result.folders += (folder,)
            result.roles = roles_in_folder(folder) | result.roles
        return result

    def fill(self, role: str, place: Any) -> None:
        """Name the model of a role; raise ValueError for an unknown role."""
        if role not in ROLES:
            raise ValueError(f"{role!r} is not a role: there are {', '.join(ROLES)}")
        self.roles[role] = source_of(role, place) if isinstance(place, str | os.PathLike) else place

    def find(self, role: str) -> Any:
        """Return a `ModelSource`, a loaded model, or None if nothing fills the role."""
        source = self.roles.get(role)
        return source if source is not None else installed_roles(self.environment).get(role)

    @property
    def package_environment(self) -> Environment:
        """Environment that searches the named folders for packages before its own."""
        return self.environment.with_packages(self.folders)

    def has(self, role: str) -> bool:
        return self.find(role) is not None

    def torch_device(self) -> str:
        """Return the name of the device; `auto` means cuda, else mps, else cpu. Raises ValueError if it is not available."""
        from refcodec.foundation.device import device_of

        return str(device_of(self))

    def has_cuda(self) -> bool:
        from refcodec.foundation.device import has_cuda

        return has_cuda()

    def load(
        self,
        role: str,
        loader: Loader[T],
        recommended: Mapping[str, str],
        remote: Callable[[str, Address], R] | None = None,
    ) -> T | R:
        """Return the model of a role; `loader` makes it from a local folder whose digest has been verified.

        A loader of this library runs in the worker process, and what is returned stands for the model there; its methods
        are called as those of the model.

        recommended: role -> hub id, named in the error if nothing fills the role. remote: makes it from an endpoint;
        None if the method accepts none. Raises ModelError.
        """
        source = self.find(role)
        if source is None:
            raise missing_model_error(role, recommended)
        if not isinstance(source, ModelSource):
            self.used[role] = getattr(source, "name", type(source).__name__)
            return cast(T, source)
        key = (role, loader if isinstance(loader, str) else f"{loader.__module__}:{loader.__qualname__}")
        if key not in self._loaded:
            self._loaded[key] = self._instance(source, loader, remote)
        self.used[role] = source.name
        return cast(T, self._loaded[key])

    def load_captioner(self, recommended: Mapping[str, str]) -> Captioner | RemoteCaptioner:
        """Return the model of the role, of a folder or behind an endpoint. Raises ModelError."""
        from refcodec.foundation import endpoint

        return self.load("captioner", "captioner:Captioner.load", recommended, endpoint.RemoteCaptioner)

    def load_language(self, recommended: Mapping[str, str]) -> LanguageModel | RemoteLanguageModel:
        """Return the model of the role, of a folder or behind an endpoint. Raises ModelError."""
        from refcodec.foundation import endpoint

        return self.load("language", "language_model:LanguageModel.load", recommended, endpoint.RemoteLanguageModel)

    def load_text_to_image(self, recommended: Mapping[str, str]) -> TextToImage | RemoteTextToImage:
        """Return the model of the role painter, of a folder or behind an endpoint. Raises ModelError."""
        from refcodec.foundation import endpoint

        return self.load("painter", "text_to_image:TextToImage.load", recommended, endpoint.RemoteTextToImage)

    def _instance(self, source: ModelSource, loader: Loader[T], remote: Callable[[str, Address], R] | None) -> T | R:
        if not source.is_endpoint:
            return self.load_folder(source.role, loader, resolve_folder(source))
        if remote is None:
            raise missing_model_error(source.role, what=f"{source.role}: this method does not take an endpoint for it")
        from refcodec.foundation import endpoint

        return remote(source.role, endpoint.address(source.place))

    def load_folder(self, role: str, loader: Loader[T], folder: Path) -> T:
        """Return the model that `loader` makes from a local folder, in the worker process. Raises ModelError."""
        name = loader if isinstance(loader, str) else proxy.name_of(loader)
        if name is None or self._beside_loaded(role):
            function = proxy.function_of(loader) if isinstance(loader, str) else loader
            return cast(T, function(folder, self))
        refuse_code(role, folder)
        if (error := libraries_error()) is not None:
            raise error
        weights = sum(os.path.getsize(path) for _, path in model_files(folder))
        settings = proxy.Settings(self.device, self.dtype)
        return cast(T, proxy.load(name, Label(role, folder.name), folder, settings, self.limits, weights))

    def _beside_loaded(self, role: str) -> bool:
        """Return whether the model takes objects of one that the caller has loaded, and so runs in the caller's process."""
        others = [self.roles.get(other) for other in TOGETHER if role in TOGETHER]
        return any(not isinstance(other, ModelSource | None) for other in others)


def format_used_models(used: Mapping[str, str]) -> str:
    """Return "role name, role name" as provenance and the metadata of pictures state it."""
    return ", ".join(f"{role} {name}" for role, name in sorted(used.items()))
