"""One request to a teacher and its answer: the only module that imports the library (``teacher``).

The library (pydantic-ai) knows the two protocols, their streams and their usage. Kept here are its
habits that are not ours: it makes one request at a time and never repeats one by itself (repeats
are counted, so they are made elsewhere), follows no redirect, takes no key and no header from the
environment, and whatever it raises becomes a sentence.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.records.teaching import Turn
from engine.secrecy import Hider
from engine.serving.endpoint import address_of, is_loopback
from engine.teaching.errors import TeachingError
from engine.teaching.naming import TeacherSpec
from engine.teaching.reading import MAX_CHARACTERS

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage
    from pydantic_ai.models import Model

CONNECT_S = 10.0

_TOO_LONG = "The teacher {} sent more than an answer can be, and was not heard to the end."
_BROKE_OFF = "The teacher {} broke off before its answer was done."
_KNOWN_HEADERS = (
    "accept", "anthropic-version", "authorization", "connection", "content-", "host",
    "transfer-encoding", "user-agent", "x-api-key", "x-stainless-",
)  # fmt: skip
INSTALL = 'Teachers need the extra "teacher": pip install "factory-tui[teacher]"'


@dataclass(frozen=True, slots=True)
class Reply:
    """What came. ``finish_reason`` is ``broken-off`` where the connection ended within it, and
    ``error`` says how. Tokens are None where the server did not count them."""

    text: str
    reasoning: str
    finish_reason: str | None
    model: str | None
    tokens_in: int | None
    tokens_out: int | None
    seconds: float
    error: str | None = None


class Wire:
    """A connection to one teacher. ``close`` it in the event loop that used it."""

    def __init__(self, spec: TeacherSpec, key: str | None, hide: Hider) -> None:
        """TeachingError (``extra``) where the library is not installed. Connects to nothing yet."""
        self.spec = spec
        self.hide = hide
        try:
            self._http, self._model = _connected(spec, key or "none")
        except ModuleNotFoundError as error:
            raise TeachingError(f"{INSTALL}.", "extra") from error
        except ImportError as error:
            text = f"{INSTALL}. What is installed does not fit: {error}."
            raise TeachingError(text, "extra") from error

    async def close(self) -> None:
        await self._http.aclose()

    async def send(
        self, turns: Sequence[Turn], max_tokens: int, temperature: float | None
    ) -> Reply:
        """Ask once. TeachingError where nothing came back; an answer that broke off is a Reply."""
        from pydantic_ai.direct import model_request_stream

        settings: dict[str, Any] = {
            "max_tokens": max_tokens,
            "request_timeout": self.spec.timeout_s,
        }
        if temperature is not None:
            settings["temperature"] = temperature
        began = time.monotonic()
        stream = None
        try:
            async with model_request_stream(
                self._model,
                _messages(turns),
                model_settings=settings,
            ) as stream:
                whole = await _drain(stream)
        except Exception as error:  # noqa: BLE001 - the library's, the server's: all are sentences
            why = self._why(error)
            # Not "from error": its text may repeat the key, and tracebacks are kept.
            if stream is None:
                raise why from None
            # In the middle of an answer it was the connection, whatever the library calls it.
            text = str(why) if why.code == "timeout" else _BROKE_OFF.format(self.spec.name)
            reply = self._reply(stream, began, text)
            if not reply.text.strip():
                raise why from None
            return reply
        reply = self._reply(stream, began, None if whole else _TOO_LONG.format(self.spec.name))
        if reply.error and not reply.text.strip():
            raise TeachingError(reply.error, "cut-off")
        return reply

    def _reply(self, stream: Any, began: float, error: str | None) -> Reply:
        response = stream.get()
        texts = {"text": "", "thinking": ""}
        for part in response.parts:
            if part.part_kind in texts and isinstance(part.content, str):
                texts[part.part_kind] += part.content
        if error is None and response.finish_reason is None:
            error = _BROKE_OFF.format(self.spec.name)
        usage = response.usage
        counted = not usage.unmeasured_requests and bool(usage.input_tokens or usage.output_tokens)
        # What was counted before a connection broke is not the whole of it.
        whole = counted and error is None
        return Reply(
            text=self.hide(texts["text"]),
            reasoning=self.hide(texts["thinking"]),
            finish_reason="broken-off" if error else response.finish_reason,
            model=response.model_name,
            tokens_in=int(usage.input_tokens) if whole else None,
            tokens_out=int(usage.output_tokens) if whole else None,
            seconds=time.monotonic() - began,
            error=error,
        )

    # --- errors -------------------------------------------------------------------

    def _why(self, error: Exception) -> TeachingError:
        from pydantic_ai import exceptions as theirs

        who = f"The teacher {self.spec.name}"
        status = _status(error)
        wait = getattr(error, "retry_after", None)
        if isinstance(error, TimeoutError | theirs.ModelTimeoutError | theirs.ModelRequestTimeout):
            return TeachingError(f"{who} was not done within {self.spec.timeout_s:g} s.", "timeout")
        if status is not None:
            return self._refused(who, status, error, wait)
        if isinstance(error, theirs.ModelConnectionError):
            return TeachingError(
                f"{who} at {self.spec.url} cannot be reached, or broke off: "
                f"{self._short(_deepest(error))}.",
                "connect",
            )
        if isinstance(error, theirs.ModelRateLimitError):
            return TeachingError(
                f"{who} wants fewer questions at a time.", "rate-limit", wait_s=wait
            )
        if isinstance(error, theirs.ModelServerError | theirs.ModelUnavailableError):
            return TeachingError(f"{who} failed: {self._short(error)}.", "server", wait_s=wait)
        return TeachingError(
            f"{who} sent what is no answer of {self.spec.api}'s protocol "
            f"({type(error).__name__}: {self._short(error)}).",
            "cut-off",
        )

    def _refused(
        self, who: str, status: int, error: Exception, wait: float | None
    ) -> TeachingError:
        from pydantic_ai.exceptions import ModelQuotaExceededError

        said = self._short(_message(getattr(error, "body", None)))
        text = f"{who} answers {status}" + (f": {said}." if said else ".")
        if status == 429 and not isinstance(error, ModelQuotaExceededError):
            return TeachingError(
                f"{text} It wants fewer questions at a time.",
                "rate-limit",
                wait_s=wait,
                status=status,
            )
        if status == 408 or status >= 500:
            return TeachingError(text, "server", wait_s=wait, status=status)
        if status in (401, 403):
            variable = self.spec.key_variable
            text += (
                f" Look at the key in {variable}."
                if variable
                else " It wants a key: name it in factory.toml, [teachers.…], key."
            )
        elif status == 404:
            text += f" Is {self.spec.model} a model that it has?"
        elif 300 <= status < 400:
            text += " It points elsewhere, which is not followed: name the right address."
        return TeachingError(text, "refused", status=status)

    def _short(self, what: object) -> str:
        text = self.hide(str(what))
        line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        return (line if len(line) <= 300 else line[:299] + "…").rstrip(". ")


async def _drain(stream: Any) -> bool:
    """Read to the end; False where it was given up because no answer is so long."""
    size = 0
    async for event in stream:
        delta = getattr(event, "delta", None) or getattr(event, "part", None)
        size += len(getattr(delta, "content_delta", None) or getattr(delta, "content", None) or "")
        if size > MAX_CHARACTERS:
            return False
    return True


def _connected(spec: TeacherSpec, key: str) -> tuple[Any, Model[Any]]:
    import httpx2

    http = httpx2.AsyncClient(
        timeout=httpx2.Timeout(spec.timeout_s, connect=CONNECT_S),
        # A redirect would carry the key along, and a proxy has no business on this machine.
        follow_redirects=False,
        trust_env=not is_loopback(address_of(spec.endpoint).host),
        event_hooks={"request": [] if spec.official else [_only_known_headers]},
    )
    return http, _model(spec, key, http)


async def _only_known_headers(request: Any) -> None:
    """The company's library adds headers that the environment names (a gateway's token, the
    number of an organisation): they are for the company, not for another's server."""
    for name in list(request.headers):
        if not name.lower().startswith(_KNOWN_HEADERS):
            del request.headers[name]


def _model(spec: TeacherSpec, key: str, http: Any) -> Model[Any]:
    if spec.api == "anthropic":
        from anthropic import AsyncAnthropic
        from pydantic_ai.models.anthropic import AnthropicModel
        from pydantic_ai.providers.anthropic import AnthropicProvider

        # With a key given, it looks for no other credential in the environment.
        client = AsyncAnthropic(
            api_key=key,
            base_url=_base(spec).removesuffix("/v1"),  # it adds that itself
            http_client=http,
            max_retries=0,
            timeout=spec.timeout_s,
        )
        return AnthropicModel(spec.model, provider=AnthropicProvider(anthropic_client=client))
    from openai import AsyncOpenAI
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.profiles.openai import OpenAIModelProfile
    from pydantic_ai.providers.openai import OpenAIProvider
    from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

    openai = AsyncOpenAI(
        api_key=key, base_url=_base(spec), http_client=http, max_retries=0, timeout=spec.timeout_s
    )
    # A stream that ends without a reason to was broken off.
    profile = OpenAIModelProfile(openai_chat_streaming_requires_finish_reason=True)
    if spec.official:
        company = OpenAIProvider(openai_client=openai)
        return OpenAIChatModel(spec.model, provider=company, profile=profile)
    # The older field is the one that every such server knows.
    profile["openai_chat_supports_max_completion_tokens"] = False
    provider = OpenAICompatibleProvider("compatible", openai_client=openai)
    return OpenAIChatModel(spec.model, provider=provider, profile=profile)


def _base(spec: TeacherSpec) -> str:
    """The address with ``/v1`` where it has no path, as everywhere in this program."""
    address = address_of(spec.endpoint)
    scheme = "https" if address.secure else "http"
    host = f"[{address.host}]" if ":" in address.host else address.host
    return f"{scheme}://{host}:{address.port}{address.path}"


def _messages(turns: Sequence[Turn]) -> list[ModelMessage]:
    from pydantic_ai.messages import ModelRequest, ModelResponse, TextPart, UserPromptPart

    return [
        ModelRequest(parts=[UserPromptPart(turn.content)])
        if turn.role == "user"
        else ModelResponse(parts=[TextPart(turn.content)])
        for turn in turns
    ]


def _message(body: object) -> str:
    """What a server's error says, in whichever of the usual forms."""
    if isinstance(body, str):
        try:
            body = json.loads(body)
        except (ValueError, RecursionError):
            return "" if str(body).lstrip().startswith("<") else str(body)
    for _ in range(3):
        if not isinstance(body, dict):
            break
        body = body.get("message") or body.get("error") or body.get("detail")
    return body if isinstance(body, str) else ""


def _status(error: BaseException) -> int | None:
    """The HTTP status that said no. The SDK's own comes first: the library makes up some."""
    for one in (error.__cause__, error):
        status = getattr(one, "status_code", None)
        if isinstance(status, int) and status >= 300:
            return status
    return None


def _deepest(error: BaseException) -> BaseException:
    for _ in range(8):
        inner = error.__cause__ or error.__context__
        if inner is None:
            break
        error = inner
    return error
