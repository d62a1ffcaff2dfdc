# SPDX-License-Identifier: MIT
"""The base of the remote models that fill roles: requests, their answers, and the errors of both."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from refcodec.errors import Code, SemError
from refcodec.fileio import shown
from refcodec.foundation.endpoint import keys
from refcodec.foundation.endpoint.address import Address
from refcodec.foundation.endpoint.answer_json import NotJson, parse_answer
from refcodec.foundation.endpoint.exchange import TIMEOUT_S, Answer, ExchangeError, Request, exchange
from refcodec.foundation.llm_output import strip_reasoning
from refcodec.limits import NONE, Limits

TEXT_MAX: Final = 1 << 16  # characters of an answer that are read
TEXT_BYTES_MAX: Final = 1 << 20  # of an answer with a text
# status -> remedy
REMEDIES: Final = {
    401: "put its key into the environment variable {}", 403: "put a key that may use it into the environment variable {}",
    404: "check the address and the name of the model", 429: "wait, then try again",
}  # fmt: skip

UNKNOWN_MEMBER: Final = (400, 422)  # statuses of a request with a member unknown to the server


@dataclass(frozen=True)
class Endpoint:
    """A remote model that fills a role.

    limits: bounds of the caller; the shorter of its time and `timeout` applies. others: the other hosts of the run, for
    `keys.key_for`. timeout: seconds for one question and its entire answer.
    """

    role: str
    address: Address
    limits: Limits = NONE
    others: frozenset[str] = frozenset()
    timeout: float = TIMEOUT_S
    answer_max: ClassVar[int] = TEXT_BYTES_MAX  # bytes

    @property
    def name(self) -> str:
        return self.address.name

    def post(self, path: str, body: dict[str, Any], spare: dict[str, Any]) -> Any:
        """Return the JSON answer to a JSON request. Raises Code.MODEL_UNAVAILABLE for any other answer, and without one.

        spare: members that some servers do not know; the request is repeated without them if it is refused.
        """
        bodies = [json.dumps(members).encode() for members in ([body | spare, body] if spare else [body])]
        return self.document(self.send(path, "application/json", bodies))

    def send(self, path: str, content_type: str, bodies: Sequence[bytes]) -> Answer:
        """Return the answer to the first body that the server does not refuse as one with unknown members, or to the last.

        All attempts together have the time of one question. Raises Code.MODEL_UNAVAILABLE without an answer.
        """
        until = time.monotonic() + self.limits.left(self.timeout)
        headers = {"Content-Type": content_type, "Accept": "application/json", **self._authorisation()}
        for body in bodies:
            request = Request(self.address.base + path, headers, body, self.answer_max, self.address.local)
            try:
                answer = exchange(request, self.timeout, until)
            except ExchangeError as error:
                self.limits.check_time()
                raise self.error(str(error)) from None  # its cause may hold the headers, and so the key
            if answer.status not in UNKNOWN_MEMBER:
                break
        return answer

    def document(self, answer: Answer, hint: str | None = None) -> Any:
        """Return the JSON document of an answer. Raises Code.MODEL_UNAVAILABLE for another status, and for other bytes."""
        if not 200 <= answer.status < 300:
            remedy = REMEDIES.get(answer.status)
            several = self.others - {self.address.host}
            variable = keys.variable_of(self.address.host) if several else keys.KEY
            raise self.error(f"answers with status {answer.status}", hint or (remedy and remedy.format(variable)))
        try:
            return parse_answer(answer.body)
        except NotJson as error:
            raise self.error(f"answers with {error}") from None

    def _authorisation(self) -> dict[str, str]:
        try:
            key = keys.key_for(self.address.host, self.others)
        except keys.KeyNotUsable as error:
            what, hint = error.args
            raise self.error(f"was not contacted: {what}", hint) from None
        return {} if key is None else {"Authorization": f"Bearer {key}"}

    def error(self, what: str, hint: str | None = None) -> SemError:
        """Return a MODEL_UNAVAILABLE error that names role, host and remedy, and no secret."""
        hint = hint or f"see that it runs and serves this model, or name another with --model {self.role}=FOLDER"
        return SemError(
            Code.MODEL_UNAVAILABLE,
            f"{self.role}: the endpoint {shown(self.address.name)} {what}",
            path=self.role,
            hint=hint,
        )

    def chat(self, content: Any, max_tokens: int) -> str:
        """Return the model's reply to one message, as repeatable as the server allows."""
        body = {
            "model": self.address.model,
            "messages": [{"role": "user", "content": content}],
            "max_tokens": max_tokens,
            "temperature": 0,
        }
        document = self.post("/chat/completions", body, {"seed": 0})
        try:
            reply = document["choices"][0]["message"]["content"]
        except (KeyError, IndexError, TypeError):
            reply = None
        if not isinstance(reply, str):
            raise self.error("answers without a message")
        # JSON may escape halves of characters, which no other encoding can hold
        return strip_reasoning(reply[:TEXT_MAX].encode("utf-8", "replace").decode())
