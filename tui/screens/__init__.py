"""One module a screen; a screen composes widgets and moves no bytes."""
