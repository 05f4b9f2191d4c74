"""What can go wrong between us and a teacher, as sentences."""

from __future__ import annotations


class TeachingError(Exception):
    """A teacher that cannot be asked, or whose answer is of no use; a sentence.

    ``code`` names the kind: ``extra`` (the library is not installed), ``name`` (no teacher is
    called that, or its settings are wrong), ``key``, ``connect``, ``refused``, ``rate-limit``,
    ``server`` (it failed by itself), ``timeout``, ``cut-off``, ``unusable`` (every try came back in
    the wrong form), ``budget``, ``gold`` (a gold row would be shown), ``task`` (asked for what it
    cannot write), ``ledger`` (what was said cannot be kept).

    ``wait_s`` is how long the server wants to be left alone; None where it did not say.
    """

    def __init__(
        self,
        text: str,
        code: str,
        *,
        wait_s: float | None = None,
        status: int | None = None,
        replies: tuple[str, ...] = (),
    ) -> None:
        super().__init__(text)
        self.code = code
        self.wait_s = wait_s
        self.status = status
        self.replies = replies
        """What it answered, where it answered."""

    @property
    def passes(self) -> bool:
        """Whether the same question is worth asking a little later. One that took too long would
        take as long again."""
        return self.code in ("connect", "rate-limit", "server", "cut-off")
