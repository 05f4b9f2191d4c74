"""The site of public artifacts in the browser, while the app runs: from memory, on 127.0.0.1.

``start``, ``refresh`` and ``close`` block, and are for worker threads.
"""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from engine.workspace import Workspace

if TYPE_CHECKING:
    from engine.publish.site.serving import Preview


class SitePreview:
    """One preview of one workspace."""

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace
        self._preview: Preview | None = None
        self._lock = Lock()

    @property
    def url(self) -> str | None:
        """Where it is; None while it is not shown."""
        preview = self._preview
        return preview.url if preview is not None else None

    def start(self) -> tuple[str, list[str]]:
        """Make the site and serve it. Its address, and the files that are left out of it. OSError
        where artifacts/ or runs/ cannot be listed, or no port is free."""
        with self._lock:
            return self._start(0)

    def refresh(self) -> None:
        """Serve what the site is now, at the same address; nothing where it is not shown."""
        with self._lock:
            if self._preview is not None:
                self._start(int(self._preview.url.rstrip("/").rpartition(":")[2]))

    def close(self) -> None:
        """End it; nothing where it is not shown."""
        with self._lock:
            self._close()

    def _start(self, port: int) -> tuple[str, list[str]]:
        from engine.publish.site.of_workspace import site_of
        from engine.publish.site.serving import Preview

        site, refused = site_of(Workspace(self._workspace))
        self._close()
        self._preview = Preview(site.files, port)
        return self._preview.url, [one.file for one in refused]

    def _close(self) -> None:
        preview, self._preview = self._preview, None
        if preview is not None:
            preview.close()
