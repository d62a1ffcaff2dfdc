# SPDX-License-Identifier: MIT
"""Find the models of a method, named by the user or installed, and load them on first use. Imports no torch."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar, cast

from refcodec.environment import Environment
from refcodec.errors import Code, SemError
from refcodec.fileio import shown
from refcodec.foundation.folder_kind import empty_folder_error, folder_remark, is_empty_folder
from refcodec.foundation.place_text import is_url, shown_place, without_user
from refcodec.foundation.roles import ROLES, ModelSource, missing_model_error, parse_role, source_of
from refcodec.foundation.worker.worker_limits import WorkerLimits
from refcodec.limits import NONE, Limits
from refcodec.process_settings import audible_warnings

if TYPE_CHECKING:
    from refcodec.foundation.captioner import Captioner
    from refcodec.foundation.endpoint import (
        Address,
        RemoteCaptioner,
        RemoteEditor,
        RemoteLanguageModel,
        RemoteTextToImage,
    )
    from refcodec.foundation.instruction_editor import InstructionEditor
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
# makes the model of a role behind an endpoint
Remote: TypeAlias = "Callable[[str, Address, Limits, frozenset[str]], R]"


def _warn(text: str) -> None:
    with audible_warnings():
        warnings.warn(text, stacklevel=2)


@dataclass
class Models:
    """Models named by the user, and the device they run on. Loaded models are cached in this object.

    folders: searched first for model packages (SPEC §12). roles: role -> `ModelSource` or loaded model.
    environment: registry, tables, and the other folders searched for packages and roles. limits: time and memory of the call.
    worker_limits: of the process in which models of folders run; models that the caller has loaded run in its own.
    allow_download: also use models of the hub that only a models.json names, without a digest. announce: called with a line
    before such a model is used. any_model: reconstruct with other models than a file states, too, with a notice.
    """

    folders: tuple[Path, ...] = ()
    roles: dict[str, Any] = field(default_factory=dict)
    device: str = "auto"
    dtype: str = "auto"
    environment: Environment = field(default_factory=Environment.default)
    limits: Limits = NONE
    worker_limits: WorkerLimits = field(default_factory=WorkerLimits)
    allow_download: bool = False
    any_model: bool = False
    announce: Callable[[str], None] = _warn
    used: dict[str, str] = field(default_factory=dict)  # role -> name of each model used
    resolved: dict[str, Path] = field(default_factory=dict)  # role -> local folder of its model, once it is loaded
    meaning: dict[str, Path] = field(default_factory=dict)  # role of an identity -> folder of the model, of an encoding
    _loaded: dict[tuple[str, str], Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        models: Any = None,
        *,
        device: str = "auto",
        dtype: str = "auto",
        environment: Environment | None = None,
        limits: Limits = NONE,
        allow_download: bool = False,
        announce: Callable[[str], None] | None = None,
        any_model: bool = False,
    ) -> Models:
        """Return the models of a folder, of several, or of {role: folder, hub id, endpoint or loaded model}.

        A text may also be ROLE=MODEL. A `Models` is returned with environment (None: the default) and limits of this call;
        any_model is added to its own, and device, dtype, allow_download and announce stay its own, whatever is named here.

        Raises ValueError for an unknown role, device or dtype, TypeError for what is neither a path nor a loaded model,
        Code.MODEL_UNAVAILABLE for a folder that does not exist.
        """
        environment = Environment.of(environment)
        if not isinstance(any_model, bool):
            raise TypeError(f"any_model is True or False, not {any_model!r}")
        if isinstance(models, Models):
            return models._within(environment, limits, any_model=any_model)
        if device not in DEVICES or dtype not in DTYPES:
            raise ValueError(f"device is one of {', '.join(DEVICES)}, dtype one of {', '.join(DTYPES)}")
        result = cls(
            device=device,
            dtype=dtype,
            environment=environment,
            limits=limits,
            allow_download=allow_download,
            announce=announce or _warn,
            any_model=any_model,
        )
        if isinstance(models, Mapping):
            for role, place in models.items():
                result.fill(role, place)
        else:
            for entry in _several(models):
                result._add(entry)
        return result

    def _within(self, environment: Environment, limits: Limits, *, any_model: bool) -> Models:
        """Return these models with environment and limits of a call, this object itself if they are the same."""
        any_model = any_model or self.any_model
        if (environment, limits, any_model) == (self.environment, self.limits, self.any_model):
            return self
        return replace(self, environment=environment, limits=limits, any_model=any_model)

    def _add(self, entry: str | os.PathLike[str]) -> None:
        """Add the models of a folder, which precede those of later ones, or the model of a text ROLE=MODEL."""
        assignment = parse_role(entry) if isinstance(entry, str) else None
        if assignment is not None:
            self.fill(*assignment)
            return
        from refcodec.foundation.models_json import roles_in_folder

        folder = Path(entry)
        if not folder.is_dir():
            raise no_folder_error(folder)
        self.folders += (folder,)
        self.roles = roles_in_folder(folder) | self.roles

    def fill(self, role: str, place: Any) -> None:
        """Name the model of a role; raise ValueError for an unknown role."""
        if role not in ROLES:
            raise ValueError(f"{without_user(str(role))!r} is not a role: there are {', '.join(ROLES)}")
        if not isinstance(place, str | os.PathLike):
            from refcodec.foundation.loaded_models import require_object

            require_object(role, place)
        self.roles[role] = source_of(role, place) if isinstance(place, str | os.PathLike) else place
        self._loaded = {key: model for key, model in self._loaded.items() if key[0] != role}
        self.resolved.pop(role, None)

    def find(self, role: str) -> Any:
        """Return a `ModelSource`, a loaded model, or None if nothing fills the role."""
        source = self.roles.get(role)
        if source is not None:
            return source
        from refcodec.foundation.models_json import installed_roles

        return installed_roles(self.environment).get(role)

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
        remote: Remote[R] | None = None,
    ) -> T | R:
        """Return the model of a role; `loader` makes it from a local folder whose digest has been verified.

        A loader of this library runs in the worker process; the result is then a proxy with the methods of the model.

        recommended: role -> hub id, named in the error if nothing fills the role. remote: makes it from an endpoint;
        None if the method accepts none. Raises ModelError.
        """
        from refcodec.foundation.loaded_models import adopted
        from refcodec.foundation.worker import proxy

        source = self.find(role)
        if source is None:
            raise self.missing_error(role, recommended)
        if isinstance(source, ModelSource) and is_empty_folder(Path(source.place)):
            raise empty_folder_error(role, Path(source.place), recommended)
        key = (role, loader if isinstance(loader, str) else f"{loader.__module__}:{loader.__qualname__}")
        if not isinstance(source, ModelSource):
            if key not in self._loaded:
                function = proxy.function_of(loader) if isinstance(loader, str) else loader
                self._loaded[key] = adopted(role, source, function, remote)
            self.used[role] = getattr(self._loaded[key], "name", "") or type(source).__name__
            return cast(T, self._loaded[key])
        if source.is_endpoint or key not in self._loaded:  # an endpoint has the limits of this call
            self._loaded[key] = self._instance(source, loader, remote)
        proxy.limit(self._loaded[key], self.worker_limits.within(self.limits))
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

    def load_editor(self, recommended: Mapping[str, str]) -> InstructionEditor | RemoteEditor:
        """Return the model of the role, of a folder or behind an endpoint. Raises ModelError."""
        from refcodec.foundation import endpoint

        return self.load("editor", "instruction_editor:InstructionEditor.load", recommended, endpoint.RemoteEditor)

    def missing_error(self, role: str, recommended: Mapping[str, str]) -> SemError:
        """Return the MODEL_UNAVAILABLE error for a role that no model fills, with what the named folders have instead."""
        return missing_model_error(role, recommended, remark=self._remark(role))

    def _remark(self, role: str) -> str:
        """Return the end of a remedy: why a folder of models that is named does not fill a role; "" if none is named."""
        for place in (folder / role for folder in self.folders):
            if os.path.lexists(place) and not os.path.isdir(place):
                kind = "a file" if os.path.exists(place) else "a broken link"
                return f"; {shown(str(place))} is {kind}, not a folder"
        return folder_remark(role, self.folders) or self.environment.search_remark

    def _instance(self, source: ModelSource, loader: Loader[T], remote: Remote[R] | None) -> T | R:
        if not source.is_endpoint:
            from refcodec.foundation.download import require_consent, resolve_folder
            from refcodec.foundation.models_json import LISTING

            require_consent(source, allow_download=self.allow_download)
            if source.listed_in is not None and not os.path.isdir(source.place):
                listing = shown(str(source.listed_in / LISTING))
                self.announce(f"{source.role}: using {shown(source.name)} of the hub, which {listing} names")
            folder = resolve_folder(source)
            made = self.load_folder(source.role, loader, folder)
            self.resolved[source.role] = folder
            return made
        if remote is None:
            raise missing_model_error(source.role, what=f"{source.role}: this method does not take an endpoint for it")
        from refcodec.foundation import endpoint

        address = endpoint.address(source.place)
        return remote(source.role, address, self.limits, self.endpoint_hosts())

    def means(self, role: str, folder_of: str) -> None:
        """Record that symbols were made by the model that fills `folder_of`, in the role of an identity (SPEC §12)."""
        if folder_of in self.resolved:
            self.meaning[role] = self.resolved[folder_of]

    def endpoint_hosts(self) -> frozenset[str]:
        """Return the hosts of all endpoints that the user has named."""
        from refcodec.foundation import endpoint

        sources = (source for source in self.roles.values() if isinstance(source, ModelSource) and source.is_endpoint)
        return frozenset(endpoint.address(source.place).host for source in sources)

    def load_folder(self, role: str, loader: Loader[T], folder: Path) -> T:
        """Return the model that `loader` makes from a local folder, in the worker process. Raises ModelError."""
        from refcodec.foundation.folder_code import refuse_code
        from refcodec.foundation.folder_digest import model_files
        from refcodec.foundation.missing_packages import libraries_error
        from refcodec.foundation.worker import proxy
        from refcodec.foundation.worker.watch import Label

        name = loader if isinstance(loader, str) else proxy.name_of(loader)
        if name is None or self._beside_loaded(role):
            function = proxy.function_of(loader) if isinstance(loader, str) else loader
            return cast(T, function(folder, self))
        refuse_code(role, folder)
        if (error := libraries_error()) is not None:
            raise error
        weights = sum(os.path.getsize(path) for _, path in model_files(folder))
        settings, limits = proxy.Settings(self.device, self.dtype), self.worker_limits.within(self.limits)
        return cast(T, proxy.load(name, Label(role, folder.name), folder, settings, limits, weights))

    def _beside_loaded(self, role: str) -> bool:
        """Return whether the model takes objects of one that the caller has loaded, and so runs in the caller's process."""
        from refcodec.foundation.worker import proxy

        others = [self.roles.get(other) for other in TOGETHER if role in TOGETHER]
        return any(not isinstance(other, ModelSource | proxy.ModelProxy | None) for other in others)


def no_folder_error(folder: Path) -> SemError:
    """Return the MODEL_UNAVAILABLE error for a path that was named as a folder of models and is not a folder."""
    name = shown_place(str(folder))
    hint = "name a folder of model packages or of models by role, or ROLE=MODEL"
    if os.path.lexists(folder):
        what = f"{name} is a file, not a folder of models" if folder.exists() else f"{name} is a broken link"
    else:
        what = f"there is no folder {name}"
        hint = "name the role of an endpoint, ROLE=https://host/v1#MODEL" if is_url(str(folder)) else hint
    return SemError(Code.MODEL_UNAVAILABLE, what, hint=hint)


def _several(models: Any) -> Iterable[Any]:
    """Return what `Models.of` takes, apart from mappings, as paths and texts. Raises TypeError for anything else."""
    if isinstance(models, str | os.PathLike):
        return (models,)
    entries = () if models is None else tuple(models) if isinstance(models, Iterable) else (models,)
    for entry in entries:
        if not isinstance(entry, str | os.PathLike):
            kind = entry.__name__ if isinstance(entry, type) else type(entry).__name__
            raise TypeError(f"models are paths, or a mapping of role to path, hub id or loaded model, not {kind}")
    return entries


def format_used_models(used: Mapping[str, str]) -> str:
    """Return "role name, role name" as provenance and the metadata of pictures state it."""
    return ", ".join(f"{role} {name}" for role, name in sorted(used.items()))
