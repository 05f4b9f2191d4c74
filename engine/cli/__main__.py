"""``python -m engine.cli``."""

from engine.cli.app import main
from engine.private import keep_private

if __name__ == "__main__":
    keep_private()
    main()
